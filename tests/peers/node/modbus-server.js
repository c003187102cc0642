// A Modbus TCP server on the package modbus-serial. Argument: a port. Standard input: {"coil": {"0": 1}, ...}, what is
// not named is zero. Answers every unit. Ends with its standard input.
"use strict";
const { ServerTCP } = require("modbus-serial");

let text = "";
process.stdin.on("data", (chunk) => {
    text += chunk;
    const end = text.indexOf("\n");
    if (end >= 0) {
        serve(JSON.parse(text.slice(0, end)));
        text = "";
    }
});
process.stdin.on("end", () => process.exit(0));

function serve(image) {
    const at = (table) => (address) => image[table][address] || 0;
    const bit = (table) => (address) => Boolean(image[table][address]);
    const vector = {
        getCoil: bit("coil"),
        getDiscreteInput: bit("discrete"),
        getInputRegister: at("input"),
        getHoldingRegister: at("holding"),
    };
    const server = new ServerTCP(vector, { host: "127.0.0.1", port: Number(process.argv[2]) });
    server.on("serverError", (error) => {
        console.error(error);
        process.exit(1);
    });
}
