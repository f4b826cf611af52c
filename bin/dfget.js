#!/usr/bin/env node
// dfget is `dragonfly get`.
require("./start.js").start({ program: "dfget", command: "get" }, "dfget.cjs");
