/** What a person looks over: images, their texts, what was decided, where one stands. Pure: no page, no network. */

/** Decisions of one request, as the server takes them. */
export const DECISIONS_MAX = 1000;

/** How an image stands. */
export function standing(image) {
  if (image.problem) return 'failed';
  return image.decision?.verdict ?? 'open';
}

const FILTERS = {
  all: () => true,
  open: (image) => standing(image) === 'open',
  approved: (image) => ['approved', 'edited'].includes(standing(image)),
  rejected: (image) => standing(image) === 'rejected',
  failed: (image) => standing(image) === 'failed',
};

export class Review {
  constructor() {
    this.images = [];
    this.maxLength = 125;
    this.language = 'en';
    this.filter = 'all';
    this.current = null;
    /** Texts that somebody has begun to change, by image. */
    this.drafts = new Map();
  }

  /** Takes what `GET …/captions` answered; the place is kept, and what was begun about a text that still stands open. */
  load({ images, max_length: maxLength, language }) {
    const before = new Map(this.images.map((image) => [image.item, image]));
    const stays = (image) => standing(image) === 'open' && sameText(image, before.get(image.item));
    const kept = new Set(images.filter(stays).map(({ item }) => item));
    for (const item of this.drafts.keys()) if (!kept.has(item)) this.drafts.delete(item);
    this.images = images;
    this.maxLength = maxLength;
    this.language = language;
    if (!this.image()) this.current = (images.find((image) => standing(image) === 'open') ?? images[0])?.item ?? null;
  }

  image(item = this.current) {
    return this.images.find((image) => image.item === item) ?? null;
  }

  /** Those that are shown. One that was just decided stays until one goes on. */
  shown() {
    return this.images.filter((image) => FILTERS[this.filter](image) || image.item === this.current);
  }

  choose(filter) {
    this.filter = filter;
    const fits = this.images.filter(FILTERS[filter]);
    if (!fits.some((image) => image.item === this.current)) this.current = fits[0]?.item ?? this.current;
  }

  /** One step on or back among those that are shown. */
  step(by) {
    const shown = this.shown();
    const at = shown.findIndex((image) => image.item === this.current);
    this.current = shown[Math.min(Math.max(at + by, 0), shown.length - 1)]?.item ?? null;
  }

  /** On to the next one that nobody has decided on, around the end; stays when there is none. */
  nextOpen() {
    const at = this.images.findIndex((image) => image.item === this.current);
    const around = [...this.images.slice(at + 1), ...this.images.slice(0, Math.max(at, 0))];
    const next = around.find((image) => standing(image) === 'open');
    if (next) this.current = next.item;
    return next !== undefined;
  }

  /** The text that stands in the field. */
  text(image) {
    return this.drafts.get(image.item) ?? image.text ?? image.alt_text ?? '';
  }

  write(image, text) {
    if (text === (image.text ?? image.alt_text ?? '')) this.drafts.delete(image.item);
    else this.drafts.set(image.item, text);
  }

  /** Somebody has decided, here or on another page. */
  decided(decision) {
    const image = this.image(decision.item);
    if (!image || image.decision) return;
    image.decision = decision;
    image.text = decision.text ?? null;
    this.drafts.delete(image.item);
  }

  /** What approving an image asks for; an error as text when its text cannot be approved. */
  approval(image) {
    const text = this.text(image).trim();
    const problem = this.problem(text);
    if (problem) return problem;
    return { item: image.item, verdict: 'approve', ...(text === image.alt_text ? {} : { text }) };
  }

  problem(text) {
    const length = lengthOf(text.trim());
    if (length === 0) return 'The text must not be empty.';
    if (length > this.maxLength) return `The text has ${length} characters; at most ${this.maxLength} are allowed.`;
    return /\p{Cc}/u.test(text.trim()) ? 'The text must be one line.' : null;
  }

  /** Those that nobody has decided on and that are at least this sure. */
  sure(least) {
    return this.images.filter((image) => standing(image) === 'open' && !this.drafts.has(image.item) && (image.confidence ?? 0) >= least);
  }

  counts() {
    const counts = { images: this.images.length, open: 0, approved: 0, edited: 0, rejected: 0, failed: 0 };
    for (const image of this.images) counts[standing(image)] += 1;
    return counts;
  }
}

/** Whether the same was written about the same picture. */
const sameText = (image, before) => before !== undefined && before.sha256 === image.sha256 && before.alt_text === image.alt_text;

/** So many at once at most. */
export function groups(list, size) {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, at) => list.slice(at * size, (at + 1) * size));
}

/** Lets one thing be done at a time: while one is under way, others are not begun and answer `undefined`. */
export class OneAtATime {
  #busy = false;

  async run(work) {
    if (this.#busy) return undefined;
    this.#busy = true;
    try {
      return await work();
    } finally {
      this.#busy = false;
    }
  }
}

/** Characters as the server counts them. */
export const lengthOf = (text) => [...text].length;

const percent = (share) => `${Math.round(share * 100)} %`;
const words = (name) => name.replaceAll('_', ' ');

/** What was measured, as pairs for people. */
export function factsOf(image) {
  const { file, measured } = image.facts ?? {};
  if (!file || !measured) return [];
  const facts = [['File', `${file.format.toUpperCase()}, ${file.width} × ${file.height}${file.animated ? ', animated' : ''}`]];
  facts.push(['Kind', measured.class.class === 'unknown' ? 'no rule holds' : `${words(measured.class.class)} (${percent(measured.class.trust)}): ${measured.class.rule}`]);
  if (measured.tone) facts.push(['Light', `${words(measured.brightness)}, L* ${measured.tone.mean.toFixed(0)}, contrast ${measured.tone.contrast.toFixed(0)}`]);
  facts.push(['Sharpness', measured.sharpness.level === 'no_detail' ? 'no detail to tell by' : `${measured.sharpness.level} (blur ${measured.sharpness.blur.toFixed(2)})`]);
  if (measured.codes_given_up) facts.push(['QR codes', 'too much that looks like parts of codes; none was read']);
  for (const code of measured.codes) facts.push(['QR code', code.text]);
  const { metadata } = file;
  const camera = [metadata.make, metadata.model].filter(Boolean).join(' ');
  if (camera) facts.push(['Camera', camera]);
  if (metadata.taken_at) facts.push(['Taken', metadata.taken_at]);
  if (metadata.exposure_s) facts.push(['Exposure', [exposure(metadata.exposure_s), metadata.f_number && `f/${metadata.f_number}`, metadata.iso && `ISO ${metadata.iso}`].filter(Boolean).join(', ')]);
  if (metadata.has_place) facts.push(['Place', 'the file names one; it is not read']);
  if (metadata.description) facts.push(['Own description', metadata.description]);
  for (const note of image.notes ?? []) facts.push(['Note', note]);
  return facts;
}

const exposure = (seconds) => (seconds >= 0.5 ? `${seconds} s` : `1/${Math.round(1 / seconds)} s`);

/** The colours it has most of. */
export const coloursOf = (image) => (image.facts?.measured.colours ?? []).map(({ name, hex, share }) => ({ name: words(name), hex, share: percent(share) }));
