//! A segment of a run's log: a file of lines and its index beside it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::artifacts::run_log::block::{BLOCK_LINES, Block, ENTRY_BYTES};
use crate::artifacts::run_log::line::{self, NewLine};

/// Ending of the file of lines.
const LINES_ENDING: &str = "jsonl";
/// Ending of the index.
const INDEX_ENDING: &str = "index";

/// A segment as far as it is written.
#[derive(Debug)]
pub(super) struct Segment {
    /// Number of its first line.
    pub(super) first: u64,
    /// Lines it holds.
    pub(super) lines: u64,
    /// Bytes of these lines.
    pub(super) bytes: u64,
    /// The file of lines.
    pub(super) path: PathBuf,
    /// Full blocks.
    pub(super) blocks: Vec<Block>,
    /// The lines behind the last full block.
    pub(super) rest: Block,
}

/// The open files of the segment that is written to.
#[derive(Debug)]
pub(super) struct SegmentFiles {
    lines: File,
    /// None once it could not be written: what is missing is found again from the lines.
    index: Option<File>,
    /// Encoded lines on their way to the file; kept for its memory.
    buffer: Vec<u8>,
}

impl Segment {
    /// Makes a new segment.
    pub(super) fn create(folder: &Path, first: u64) -> io::Result<(Self, SegmentFiles)> {
        fs::create_dir_all(folder)?;
        // Names in the order of numbers are in the order of text.
        let path = folder.join(format!("{first:012}.{LINES_ENDING}"));
        let segment = Segment { first, lines: 0, bytes: 0, path, blocks: Vec::new(), rest: Block::default() };
        let files = segment.open_files()?;
        Ok((segment, files))
    }

    /// The number of the first line of the segment in a file, when it is one.
    pub(super) fn first_of(path: &Path) -> Option<u64> {
        if path.extension()? != LINES_ENDING {
            return None;
        }
        path.file_stem()?.to_str()?.parse().ok()
    }

    /// Takes stock of a segment that was written earlier. Only the lines behind the last full block are read. The last
    /// segment of a log is cut where a crash tore its last line.
    pub(super) fn recover(path: PathBuf, first: u64, is_last: bool) -> io::Result<Self> {
        let index_path = path.with_extension(INDEX_ENDING);
        let stored = match fs::read(&index_path) {
            Ok(stored) => stored,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let mut file = File::open(&path)?;
        let file_bytes = file.metadata()?.len();
        let mut blocks = Block::read_all(&stored);
        // After a power failure the index may have come further than the lines.
        while let Some(last) = blocks.last()
            && !ends_a_line(&mut file, last.end, file_bytes)?
        {
            blocks.pop();
        }
        let indexed = blocks.len();
        let bytes = blocks.last().map_or(0, |block| block.end);
        let mut segment = Segment {
            first,
            lines: indexed as u64 * BLOCK_LINES,
            bytes,
            path,
            blocks,
            rest: Block::starting_at(bytes),
        };
        segment.take_stock(file)?;
        if is_last && segment.bytes < file_bytes {
            OpenOptions::new().write(true).open(&segment.path)?.set_len(segment.bytes)?;
        }
        let entries: Vec<u8> = segment.blocks.iter().flat_map(|block| block.to_bytes()).collect();
        if entries != stored {
            fs::write(&index_path, entries)?;
        }
        Ok(segment)
    }

    /// Reads on from the last full block, to the end or to the first line that is not whole.
    fn take_stock(&mut self, mut file: File) -> io::Result<()> {
        file.seek(SeekFrom::Start(self.bytes))?;
        let mut reader = BufReader::with_capacity(64 * 1024, file);
        let mut text = Vec::new();
        loop {
            text.clear();
            let read = reader.read_until(b'\n', &mut text)?;
            let Some(whole) = text.strip_suffix(b"\n") else { return Ok(()) };
            let Ok(line) = line::decode(0, whole) else { return Ok(()) };
            self.bytes += read as u64;
            self.rest.add(line.level, line.agent.as_deref(), self.bytes);
            self.lines += 1;
            if self.lines.is_multiple_of(BLOCK_LINES) {
                self.blocks.push(self.rest);
                self.rest = Block::starting_at(self.bytes);
            }
        }
    }

    /// Opens the files to write on.
    pub(super) fn open_files(&self) -> io::Result<SegmentFiles> {
        let append = |path: &Path| OpenOptions::new().append(true).create(true).open(path);
        Ok(SegmentFiles {
            lines: append(&self.path)?,
            index: Some(append(&self.path.with_extension(INDEX_ENDING))?),
            buffer: Vec::new(),
        })
    }

    /// Writes lines: all or, after an error, none.
    pub(super) fn append(&mut self, files: &mut SegmentFiles, lines: &[NewLine<'_>]) -> io::Result<()> {
        files.buffer.clear();
        let mut rest = self.rest;
        let mut full = Vec::new();
        for (written, line) in (self.lines + 1..).zip(lines) {
            line::encode(line, &mut files.buffer)?;
            rest.add(line.level, line.agent, self.bytes + files.buffer.len() as u64);
            if written.is_multiple_of(BLOCK_LINES) {
                full.push(rest);
                rest = Block::starting_at(rest.end);
            }
        }
        if let Err(error) = files.lines.write_all(&files.buffer) {
            // Some of it may be there; the next lines must not follow half a line.
            files.lines.set_len(self.bytes)?;
            return Err(error);
        }
        self.bytes += files.buffer.len() as u64;
        self.lines += lines.len() as u64;
        self.rest = rest;
        if !full.is_empty() {
            files.write_index(&full, self.blocks.len());
            self.blocks.append(&mut full);
        }
        files.buffer.shrink_to(1024 * 1024);
        Ok(())
    }

    /// Removes its files, the lines first: an index alone is nothing.
    pub(super) fn remove(&self) -> io::Result<()> {
        fs::remove_file(&self.path)?;
        match fs::remove_file(self.path.with_extension(INDEX_ENDING)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// The number of the last line.
    pub(super) fn last(&self) -> u64 {
        self.first + self.lines - 1
    }

    /// All blocks with the number of their first line and where they begin; the last may be partly filled.
    pub(super) fn blocks_from(&self, block: usize) -> impl Iterator<Item = (u64, u64, Block)> {
        let rest = (!self.lines.is_multiple_of(BLOCK_LINES)).then_some(self.rest);
        let start = match block.checked_sub(1) {
            Some(before) => self.blocks.get(before).map_or(self.bytes, |block| block.end),
            None => 0,
        };
        let numbers = (block as u64..).map(|number| self.first + number * BLOCK_LINES);
        self.blocks.iter().skip(block).copied().chain(rest).zip(numbers).scan(
            start,
            |start, (block, first)| {
                let found = (first, *start, block);
                *start = block.end;
                Some(found)
            },
        )
    }
}

impl SegmentFiles {
    /// Adds entries after the `known` ones. A failure is no reason to fail the lines, which are written.
    fn write_index(&mut self, full: &[Block], known: usize) {
        let Some(index) = &mut self.index else { return };
        let entries: Vec<u8> = full.iter().flat_map(|block| block.to_bytes()).collect();
        if let Err(error) = index.write_all(&entries) {
            log::warn!("the index of a run's log could not be written and will be made again: {error}");
            // A torn entry in the middle would make all later ones wrong.
            let _ = index.set_len((known * ENTRY_BYTES) as u64);
            self.index = None;
        }
    }
}

fn ends_a_line(file: &mut File, end: u64, file_bytes: u64) -> io::Result<bool> {
    if end == 0 || end > file_bytes {
        return Ok(false);
    }
    let mut byte = [0];
    file.seek(SeekFrom::Start(end - 1))?;
    file.read_exact(&mut byte)?;
    Ok(byte == *b"\n")
}
