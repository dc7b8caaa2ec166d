// SPDX-License-Identifier: GPL-3.0-or-later
// Cut out one strip on many machines: a job type for Flamenco 3. How to use it: docs/farm.md.

// Names for the expressions below, which Flamenco's add-on evaluates in the artist's Blender. They must not fail where
// there is no strip, no file or no Strip Matte. From Blender 5.0 on the sequencer may show another scene than the window does,
// and from 5.1 on the ends of a strip have other names.
const SCENE = "(getattr(C, 'sequencer_scene', None) or C.scene)";
const STRIP = `getattr(${SCENE}.sequence_editor, 'active_strip', None)`;
const RANGE =
    "(lambda s: '' if s is None" +
    " else f'{int(s.left_handle)}-{int(s.right_handle) - 1}' if hasattr(s, 'left_handle')" +
    ` else f'{int(s.frame_final_start)}-{int(s.frame_final_end) - 1}')(${STRIP})`;
const SETTINGS = `getattr(${SCENE}, 'strip_matte', None)`;

const JOB_TYPE = {
    label: "Strip Matte",
    description: "Remove the background of a movie or image strip, and put the cutout on the timeline",
    settings: [
        { key: "scene", type: "string", required: true, eval: `${SCENE}.name`,
          evalInfo: { showLinkButton: true, description: "The scene of the active strip" },
          description: "The scene that the strip is in" },
        { key: "strip", type: "string", required: true, eval: `getattr(${STRIP}, 'name', '')`,
          evalInfo: { showLinkButton: true, description: "The active strip" },
          description: "The name of the movie or image strip" },
        { key: "frames", type: "string", required: true, eval: RANGE,
          evalInfo: { showLinkButton: true, description: "All frames of the active strip" },
          description: "The timeline frames of the strip, as in 1-250, within the strip" },
        { key: "chunk_size", type: "int32", default: 48, propargs: { min: 1 }, visible: "submission",
          description: "Frames a task" },
        { key: "quality", type: "string", choices: ["EVERY", "ADAPTIVE", "DRAFT"], default: "ADAPTIVE",
          description: "How often the network looks at the movie. It stands in for the project's own setting" },
        { key: "folder", type: "string", subtype: "dir_path", required: true, visible: "submission",
          eval: `bpy.data.filepath and bpy.path.abspath(getattr(${SETTINGS}, 'folder', '//strip_matte/'))`,
          evalInfo: { showLinkButton: true, description: "The folder in Strip Matte's settings" },
          description: "The folder for the images, the same on every worker" },
        { key: "result", type: "string", subtype: "file_path", required: true, visible: "submission",
          eval: "bpy.data.filepath and str(Path(bpy.data.filepath).with_suffix('')) + '_cutout.blend'",
          evalInfo: { showLinkButton: true, description: "Beside the project" },
          description: "Where the project with the cutout is saved. Not the project itself" },

        // The add-on fills this in.
        { key: "blendfile", type: "string", required: true, visible: "web", description: "The project on the farm" },
    ],
};

function compileJob(job) {
    const settings = job.settings;
    check(settings);
    const finish = finishTask(settings);
    for (const chunk of frameChunker(settings.frames, settings.chunk_size)) {
        const task = author.Task(`matte-${chunk}`, "blender");
        task.addCommand(blender(settings.blendfile, matteArguments(settings, chunk), frameCount(chunk)));
        finish.addDependency(task);
        job.addTask(task);
    }
    job.addTask(finish);
}

// Wrong settings are told when the job is submitted, not by a worker in the night.
function check(settings) {
    for (const key of ["scene", "strip", "frames", "folder", "result"]) {
        if (!settings[key]) {
            throw `The setting "${key}" is empty`;
        }
    }
    // The last task needs the frames as one range.
    if (!/^\s*\d+\s*((-|\.\.)\s*\d+\s*)?$/.test(settings.frames)) {
        throw `The frames "${settings.frames}" are not one range such as 1-250, from 0 on`;
    }
    for (const key of ["folder", "result"]) {
        // /farm/a, C:\a, \\server\a, or {shared}/a where the Manager has put a variable.
        if (!/^(\/(?!\/)|[A-Za-z]:[\\/]|\\\\|\{)/.test(settings[key])) {
            throw `The setting "${key}" is not a whole path, and the farm has no other: ${settings[key]}`;
        }
    }
    if (settings.result === settings.blendfile) {
        throw "The result is the project itself. Choose another name";
    }
}

// Every image is whole by then: nothing is computed, the cutout is placed, and what is saved is compared with the movie.
function finishTask(settings) {
    const task = author.Task("strip", "blender");
    const place = matteArguments(settings, settings.frames).concat(["--save", settings.result]);
    task.addCommand(blender(settings.blendfile, place, frameCount(settings.frames)));
    task.addCommand(blender(settings.result, ["--command", "strip_matte", ...strip(settings), "--verify"]));
    return task;
}

// Flamenco's two-way variables stand for the beginning of an argument: a path has an argument of its own.
function matteArguments(settings, frames) {
    return [
        "--command", "strip_matte", ...strip(settings),
        `--frames=${range(frames)}`, `--quality=${settings.quality}`,
        "--folder", settings.folder,
    ];
}

function strip(settings) {
    return [`--scene=${settings.scene}`, `--strip=${settings.strip}`];
}

// The frame chunker writes three frames 4-6, two 4,5 and one 4; the command takes 4-6, 4-5 and 4-4.
function range(frames) {
    const numbers = frames.match(/\d+/g);
    return `${numbers[0]}-${numbers[numbers.length - 1]}`;
}

// steps: frames, for the progress bar; none where it is left out.
function blender(file, args, steps) {
    return author.Command("blender-render", {
        exe: "{blender}", exeArgs: "{blenderArgs}", argsBefore: [], blendfile: file, args: args,
    }, steps || 0);
}
