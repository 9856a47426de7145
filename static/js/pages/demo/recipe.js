/** The recipe in a picture: an `iTXt` chunk of the PNG (third edition, section 11.3.3.4). */

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
const KEYWORD = 'callboard';

/**
 * The recipe in the bytes of a PNG file.
 * @param {ArrayBuffer} buffer
 * @returns {{ prompt: string, params: Record<string, number> }}
 * @throws {Error} what is wrong with the file, for people to read
 */
export function recipeIn(buffer) {
  const bytes = new Uint8Array(buffer);
  if (bytes.length < 8 || SIGNATURE.some((byte, at) => bytes[at] !== byte)) throw new Error('This is not a PNG file.');
  const view = new DataView(buffer);
  for (let at = 8; at + 12 <= bytes.length;) {
    const length = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (at + 12 + length > bytes.length) break;
    if (type === 'iTXt') {
      const text = textOf(bytes.subarray(at + 8, at + 8 + length));
      if (text !== null) return checked(text);
    }
    if (type === 'IEND') break;
    at += 12 + length;
  }
  throw new Error('This picture carries no recipe.');
}

/** The text of a chunk with our keyword: keyword 0 compressed method language 0 translated 0 text. */
function textOf(chunk) {
  const keywordEnd = chunk.indexOf(0);
  const keyword = new TextDecoder().decode(chunk.subarray(0, Math.max(keywordEnd, 0)));
  if (keyword !== KEYWORD || chunk[keywordEnd + 1] !== 0) return null;
  const languageEnd = chunk.indexOf(0, keywordEnd + 3);
  const translatedEnd = languageEnd < 0 ? -1 : chunk.indexOf(0, languageEnd + 1);
  return translatedEnd < 0 ? null : new TextDecoder().decode(chunk.subarray(translatedEnd + 1));
}

function checked(text) {
  let recipe;
  try {
    recipe = JSON.parse(text);
  } catch {
    throw new Error('The recipe in this picture cannot be read.');
  }
  if (recipe?.pipeline !== 'image' || typeof recipe.prompt !== 'string') {
    throw new Error('The recipe in this picture is not one of a picture.');
  }
  const params = {};
  for (const name of ['steps', 'width', 'height', 'seed']) {
    if (Number.isSafeInteger(recipe.params?.[name])) params[name] = recipe.params[name];
  }
  return { prompt: recipe.prompt, params };
}
