// A pipeline of shell scripts that tests hold by the hand: an agent goes on when a file with the name of its step is there.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A shell script that knows `wait_for NAME`. */
const script = (lines) => `#!/bin/sh
wait_for() { until [ -e "$(dirname "$0")/$1" ]; do sleep 0.05; done; }
${lines.join('\n')}
`;

/** A picture of one colour, as SVG: a shell can write it. */
const picture = (file, colour) => `echo '<svg xmlns="http://www.w3.org/2000/svg" width="320" height="200"><rect width="320" height="200" fill="${colour}"/></svg>' > ${file}`;

export const WORKSHOP = {
  'callboard.toml': '[pipeline.workshop]\nfile = "workshop.toml"\n\n[pipeline.asking]\nfile = "asking.toml"\n',
  'workshop.toml': `
[[agent]]
name = "sketcher"
command = ["{folder}/sketcher.sh"]
outputs = ["out/*.svg", "notes.txt"]

[[agent]]
name = "teller"
command = ["{folder}/teller.sh"]
outputs = ["story.txt"]
retry = { transient = { retries_max = 3, base_ms = 300, pause_ms_max = 400 } }
`,
  'asking.toml': `
[[agent]]
name = "writer"
command = ["{folder}/writer.sh"]
outputs = ["text.txt"]
gate = { question = "Is the text right?" }

[[agent]]
name = "printer"
command = ["{folder}/printer.sh"]
outputs = ["print.txt"]
`,
  'sketcher.sh': script([
    'mkdir -p out',
    'echo "::group::Sketching"',
    picture('sketch.svg', '#3366cc'),
    'echo "::preview path=sketch.svg,step=2,of=9::"',
    'wait_for second',
    picture('sketch.svg', '#cc6633'),
    'echo "::preview path=sketch.svg,step=7,of=9::"',
    'echo "::endgroup::"',
    'wait_for done',
    picture('out/final.svg', '#339966'),
    'echo "made for $CALLBOARD_PROJECT_ID" > notes.txt',
  ]),
  'teller.sh': script([
    // The first try of each run ends with the code that asks for another.
    'mark="$(dirname "$0")/tried-$CALLBOARD_RUN_ID"',
    'if [ ! -e "$mark" ]; then touch "$mark"; echo "::error::the pen broke"; exit 75; fi',
    'for step in 1 2 3; do echo "::progress value=$((step * 30))::chapter $step"; echo "chapter $step"; sleep 0.2; done',
    'sed "s/^/told: /" notes.txt > story.txt',
  ]),
  'writer.sh': script(['echo "a text" > text.txt']),
  'printer.sh': script(['cp text.txt print.txt']),
};

/** Lets agents that wait for a step go on. */
export const letGo = (folder, step) => writeFile(join(folder, step), '');
