/** Files by folder. */

/**
 * @param {{ path: string }[]} files
 * @returns {{ folders: [string, object][], files: object[] }} folders first, both by name
 */
export function treeOf(files) {
  const root = { folders: new Map(), files: [] };
  for (const file of files) {
    const parts = file.path.split('/');
    const name = parts.pop();
    let folder = root;
    for (const part of parts) {
      if (!folder.folders.has(part)) folder.folders.set(part, { folders: new Map(), files: [] });
      folder = folder.folders.get(part);
    }
    folder.files.push({ ...file, name });
  }
  return sorted(root);
}

function sorted({ folders, files }) {
  const byName = (one, other) => (one < other ? -1 : 1);
  return {
    folders: [...folders].sort(([one], [other]) => byName(one, other)).map(([name, folder]) => [name, sorted(folder)]),
    files: files.sort((one, other) => byName(one.name, other.name)),
  };
}
