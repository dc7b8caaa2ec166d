// SPDX-License-Identifier: GPL-3.0-or-later
// Stands in for a Flamenco Manager: what its job types see, after the source of Flamenco 3.
//
//     node manager.js JOB_TYPE.js < SETTINGS.json
//
// Prints {settings: the job type's, tasks: those compiled} or {error: what the script threw} as JSON.
"use strict";
const fs = require("fs");
const vm = require("vm");

// A range such as "1-10, 20..25, 40": ascending, each frame once. Negative frames are an error in Flamenco too.
function explode(text) {
    const frames = new Set();
    for (const part of text.replaceAll("..", "-").split(",")) {
        const ends = part.split("-").map((word) => word.trim());
        if (ends.length > 2 || !ends.every((word) => /^\d+$/.test(word))) {
            throw new Error(`invalid range "${text}": ${part}`);
        }
        for (let frame = Number(ends[0]); frame <= Number(ends[ends.length - 1]); frame++) {
            frames.add(frame);
        }
    }
    return Array.from(frames).sort((a, b) => a - b);
}

// Two frames side by side are written "4,5", more than two "4-6".
function merge(frames) {
    const runs = [];
    for (const frame of frames) {
        const run = runs[runs.length - 1];
        if (run && run[run.length - 1] === frame - 1) {
            run.push(frame);
        } else {
            runs.push([frame]);
        }
    }
    return runs.map((run) => (run.length > 2 ? `${run[0]}-${run[run.length - 1]}` : run.join(","))).join(",");
}

function frameChunker(text, size) {
    if (!(size >= 1)) {
        throw new Error(`invalid chunk size, must be positive number: ${size}`);
    }
    const frames = explode(text);
    const chunks = [];
    for (let start = 0; start < frames.length; start += size) {
        chunks.push(merge(frames.slice(start, start + size)));
    }
    return chunks;
}

class Task {
    constructor(name, type) {
        if (!name.trim() || !type.trim()) {
            throw new Error("author.Task(name, type): both are required");
        }
        Object.assign(this, { name: name, type: type, commands: [], dependencies: [] });
    }
    addCommand(command) {
        this.commands.push(command);
    }
    addDependency(task) {
        this.dependencies.push(task);
    }
}

const author = {
    Task: (name, type) => new Task(name, type),
    Command: (name, parameters, steps) => ({ name: name, parameters: parameters, steps: steps }),
};

const tasks = [];
const job = {
    name: "test", type: "strip-matte", created: new Date(0), priority: 50, settings: JSON.parse(fs.readFileSync(0, "utf8")),
    // The Manager keeps a copy: what is added to a task afterwards is lost.
    addTask: (task) => tasks.push({
        name: task.name, type: task.type, commands: task.commands.slice(),
        dependencies: task.dependencies.map((other) => other.name),
    }),
};

const context = vm.createContext({
    author: author, frameChunker: frameChunker, frameCount: (text) => explode(text).length, print: () => undefined, alert: () => undefined,
});
let answer;
try {
    // The Manager compiles in strict mode.
    vm.runInContext('"use strict";\n' + fs.readFileSync(process.argv[2], "utf8"), context);
    vm.runInContext("compileJob", context)(job);
    answer = { settings: vm.runInContext("JOB_TYPE", context).settings, tasks: tasks };
} catch (error) {
    answer = { error: String(error) };
}
console.log(JSON.stringify(answer));
