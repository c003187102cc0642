"""What people and the platform have entered: orders for lines, marks on objects, inspection tasks for staff.

`orders`, `marks` and `tasks` each hold one kind of entry and its rules, pure; `entries` reads the words of a request;
`book` is all three together, with who did it, kept through restarts and told as signed `event` records.
"""
