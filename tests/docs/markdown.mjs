// What a document tells its reader to type, and to save as files.

// The fenced blocks of a Markdown text: {lang, code, line (of the fence, from 1), note}. note is the HTML comment in
// the line before the fence, without its marks: "" where there is none.
export function blocksOf(text) {
    const lines = text.split('\n');
    const blocks = [];
    for (let i = 0; i < lines.length; i++) {
        const fence = lines[i].match(/^( *)```(\w*)$/);
        if (!fence) continue;
        const [, indent, lang] = fence;
        const end = lines.indexOf(`${indent}\`\`\``, i + 1);
        if (end < 0) throw new Error(`line ${i + 1}: a fence that is not closed`);
        const code = lines.slice(i + 1, end).map((line) => line.replace(indent, ''));
        blocks.push({ lang, code: `${code.join('\n')}\n`, line: i + 1, note: noteAbove(lines, i) });
        i = end;
    }
    return blocks;
}

function noteAbove(lines, fence) {
    const above = lines[fence - 1]?.trim() || lines[fence - 2]?.trim();
    return above?.match(/^<!-- (.*) -->$/)?.[1] ?? '';
}

// What a block is to the test that runs a document. In the documents:
//   <!-- file: NAME -->     the reader saves the block as NAME
//   <!-- prints -->         what the commands above print; "…" stands for anything
//   <!-- settings -->       assignments that the reader adapts: the test has its own values
//   <!-- not run: WHY -->   commands that this test cannot run
export function kindOf({ lang, note }) {
    const [key, value] = note.split(/: (.*)/s);
    if (key === 'file' || key === 'not run') return { kind: key, value };
    if (key === 'prints' || key === 'settings') return { kind: key };
    return { kind: lang === 'sh' ? 'run' : 'shown' };
}

// Whether text is what a `prints` block promises: its lines in their order, "…" for any text, none or several lines.
export function isPrinted(expected, text) {
    const escape = (s) => s.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/ +/g, ' +');
    const pattern = expected.trim().split('…').map(escape).join('[^]*?');
    return new RegExp(`^\\s*${pattern}\\s*$`).test(text);
}
