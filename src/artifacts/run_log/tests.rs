use std::fs::OpenOptions;
use std::io::Write;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::domain::event::LogLevel;
use crate::domain::time::Timestamp;

struct Log {
    _root: TempDir,
    store: LogStore,
    run: RunId,
}

impl Log {
    fn new() -> Self {
        Self::with_segments_of(SEGMENT_BYTES)
    }

    fn with_segments_of(segment_bytes: u64) -> Self {
        let root = tempfile::tempdir().unwrap();
        let store = LogStore::open_with(root.path(), segment_bytes).unwrap();
        Self { _root: root, store, run: RunId::generate() }
    }

    fn open(&self) -> RunLog {
        self.store.open_run(self.run).unwrap()
    }

    fn file(&self, ending: &str) -> PathBuf {
        self.store.root.join(self.run.to_string()).join(format!("{:012}.{ending}", 1))
    }
}

/// Line `n` of the logs of these tests: every tenth is a warning, every 500th an error, agents take turns.
fn new_line(n: u64, text: &str) -> NewLine<'_> {
    let level = match n {
        n if n.is_multiple_of(500) => LogLevel::Error,
        n if n.is_multiple_of(10) => LogLevel::Warning,
        _ => LogLevel::Info,
    };
    let agent = ["intake", "planner"].get(n as usize % 3).copied();
    NewLine { at: Timestamp(n as i64), level, agent, text }
}

fn fill(log: &RunLog, numbers: std::ops::RangeInclusive<u64>) {
    let texts: Vec<String> = numbers.clone().map(|n| format!("line {n}")).collect();
    let lines: Vec<_> = numbers.zip(&texts).map(|(n, text)| new_line(n, text)).collect();
    for part in lines.chunks(700) {
        log.append(part).unwrap();
    }
}

fn numbers(page: &LinePage) -> Vec<u64> {
    page.lines.iter().map(|line| line.n).collect()
}

#[test]
fn an_empty_log_has_no_lines() {
    let log = Log::new();
    let run = log.open();
    assert_eq!(run.append(&[]).unwrap(), LineRange { from: 1, to: 0 });
    let page = run.read(&LineQuery { limit: 10, ..LineQuery::default() }).unwrap();
    assert_eq!(page, LinePage { lines: vec![], total: 0, gone: None, next_from: None });
    assert_eq!(run.read_tail(10).unwrap().lines, []);
    assert_eq!(run.lines(LineQuery::default()).unwrap().count(), 0);
    assert!(!log.file("jsonl").exists());
}

#[test]
fn lines_are_numbered_and_read_back() {
    let log = Log::new();
    let run = log.open();
    assert_eq!(run.append(&[new_line(1, "a\n"), new_line(2, "b")]).unwrap(), LineRange { from: 1, to: 2 });
    assert_eq!(log.open().append(&[new_line(3, "c")]).unwrap(), LineRange { from: 3, to: 3 });
    let page = run.read(&LineQuery { from: 2, limit: 1, ..LineQuery::default() }).unwrap();
    let line =
        StoredLine { n: 2, at: Timestamp(2), level: LogLevel::Info, agent: None, text: "b".to_owned() };
    assert_eq!(page, LinePage { lines: vec![line], total: 3, gone: None, next_from: Some(3) });
    assert_eq!(numbers(&run.read_tail(2).unwrap()), [2, 3]);
}

#[test]
fn every_range_is_the_right_one() {
    let log = Log::new();
    let run = log.open();
    fill(&run, 1..=2000);
    for from in [0, 1, 2, 255, 256, 257, 258, 511, 512, 513, 1999, 2000, 2001, u64::MAX] {
        for limit in [0, 1, 2, 256, 300, PAGE_LINES_MAX, usize::MAX] {
            let page = run.read(&LineQuery { from, limit, ..LineQuery::default() }).unwrap();
            let first = from.max(1);
            let end = first.saturating_add(limit.min(PAGE_LINES_MAX) as u64).min(2001).max(first);
            assert!(numbers(&page).into_iter().eq(first..end), "{from} {limit}: {:?}", numbers(&page));
            assert!(page.lines.iter().all(|line| line.text == format!("line {}", line.n)));
            assert_eq!(page.next_from, (end <= 2000).then_some(end), "{from} {limit}");
        }
    }
}

#[test]
fn a_filter_finds_what_a_full_reading_finds() {
    let log = Log::new();
    let run = log.open();
    fill(&run, 1..=3000);
    let all: Vec<_> = run.lines(LineQuery::default()).unwrap().map(Result::unwrap).collect();
    assert_eq!(all.len(), 3000);
    for level in [None, Some(LogLevel::Warning), Some(LogLevel::Error)] {
        for agent in [None, Some("planner"), Some("nobody")] {
            for text in [None, Some("INE 1"), Some("nowhere")] {
                let expected: Vec<_> = all
                    .iter()
                    .filter(|line| level.is_none_or(|level| line.level >= level))
                    .filter(|line| agent.is_none() || line.agent.as_deref() == agent)
                    .filter(|line| text.is_none_or(|text| line.text.to_uppercase().contains(text)))
                    .map(|line| line.n)
                    .collect();
                let query = LineQuery {
                    from: 0,
                    limit: 7,
                    agent: agent.map(str::to_owned),
                    level,
                    text: text.map(str::to_owned),
                };
                let found: Vec<_> = run.lines(query.clone()).unwrap().map(|line| line.unwrap().n).collect();
                assert_eq!(found, expected, "{query:?}");
                let page = run.read(&query).unwrap();
                assert_eq!(numbers(&page), expected[..expected.len().min(7)], "{query:?}");
            }
        }
    }
}

#[test]
fn a_line_that_a_crash_tore_is_cut_off() {
    for torn in
        [&b"{"[..], b"{\"at\":\"2023-11-14T22:13:20.120Z\",\"level\":\"info\",\"text\":\"half", b"\0\0\0\n"]
    {
        for lines in [1, 255, 256, 600] {
            let log = Log::new();
            fill(&log.open(), 1..=lines);
            let mut file = OpenOptions::new().append(true).open(log.file("jsonl")).unwrap();
            file.write_all(torn).unwrap();
            let run = log.open();
            assert_eq!(run.total().unwrap(), lines, "{torn:?}");
            assert_eq!(run.append(&[new_line(0, "next")]).unwrap().from, lines + 1);
            let next: Vec<_> =
                run.lines(LineQuery { from: lines, ..LineQuery::default() }).unwrap().collect();
            assert_eq!(next.last().unwrap().as_ref().unwrap().text, "next");
            assert_eq!(next.len(), 2);
        }
    }
}

#[test]
fn an_index_that_is_lost_torn_or_ahead_is_made_again() {
    let whole = {
        let log = Log::new();
        fill(&log.open(), 1..=1000);
        fs::read(log.file("index")).unwrap()
    };
    assert_eq!(whole.len(), 3 * block::ENTRY_BYTES);
    for (what, index) in [
        ("lost", vec![]),
        ("torn", whole[..20].to_vec()),
        ("ahead", [&whole[..], &u64::MAX.to_le_bytes(), &[0; 8]].concat()),
        ("nonsense", vec![7; 48]),
    ] {
        let log = Log::new();
        fill(&log.open(), 1..=1000);
        fs::write(log.file("index"), index).unwrap();
        let run = log.open();
        assert_eq!(run.total().unwrap(), 1000, "{what}");
        fill(&run, 1001..=1100);
        let page = run.read(&LineQuery { from: 700, limit: 2, ..LineQuery::default() }).unwrap();
        assert_eq!(page.lines[0].text, "line 700", "{what}");
        drop(run);
        assert_eq!(log.open().total().unwrap(), 1100, "{what}");
        assert_eq!(fs::read(log.file("index")).unwrap().len(), 4 * block::ENTRY_BYTES, "{what}");
        assert_eq!(fs::read(log.file("index")).unwrap()[..whole.len()], whole, "{what}");
    }
}

#[test]
fn a_full_segment_is_followed_by_another() {
    let log = Log::with_segments_of(5_000_000);
    let run = log.open();
    let text = "x".repeat(LINE_BYTES_MAX);
    let lines = vec![new_line(1, &text); 100];
    let mut total = 0;
    while run.0.lock().segments.len() < 3 {
        total = run.append(&lines).unwrap().to;
    }
    drop(run);
    let run = log.open();
    assert_eq!(run.total().unwrap(), total);
    let second = run.0.lock().segments[1].first;
    for from in [second - 1, second, total] {
        let page = run.read(&LineQuery { from, limit: 2, ..LineQuery::default() }).unwrap();
        assert!(numbers(&page).into_iter().eq(from..=total.min(from + 1)), "{from}");
    }
    // A page does not look through more than its share, whatever was asked for.
    let mut query = LineQuery { limit: PAGE_LINES_MAX, ..LineQuery::default() };
    let page = run.read(&query).unwrap();
    assert!((page.lines.len() as u64) < total && page.next_from == Some(page.lines.len() as u64 + 1));
    query.text = Some("nowhere".to_owned());
    let page = run.read(&query).unwrap();
    assert!(page.lines.is_empty() && page.next_from.is_some());
}

#[test]
fn a_removed_log_is_gone() {
    let log = Log::new();
    let run = log.open();
    fill(&run, 1..=10);
    log.store.remove_run(log.run).unwrap();
    assert!(!log.file("jsonl").exists());
    assert!(matches!(run.append(&[new_line(1, "late")]), Err(ArtifactError::NotFound)));
    assert_eq!(run.total().unwrap(), 0);
    assert_eq!(log.open().total().unwrap(), 0);
    log.store.remove_run(log.run).unwrap();
    log.store.remove_run(RunId::generate()).unwrap();
}

#[test]
fn is_read_while_it_is_written() {
    let log = Log::new();
    let run = log.open();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for n in 1..=2000_u64 {
                run.append(&[new_line(n, &format!("line {n}"))]).unwrap();
            }
        });
        let mut seen = 0;
        while seen < 2000 {
            let page = run.read(&LineQuery { from: seen + 1, limit: 100, ..LineQuery::default() }).unwrap();
            for line in page.lines {
                seen += 1;
                assert_eq!((line.n, line.text), (seen, format!("line {seen}")));
            }
        }
        writer.join().unwrap();
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Whatever was appended, in whatever portions, with the log closed in between or cut anywhere: the lines that
    /// were whole are there.
    #[test]
    fn what_was_whole_is_there(portions in prop::collection::vec(1_u64..400, 1..5), cut in 0.0..1.0_f64) {
        let log = Log::new();
        let mut total = 0;
        for portion in &portions {
            fill(&log.open(), total + 1..=total + portion);
            total += portion;
        }
        let bytes = fs::read(log.file("jsonl")).unwrap();
        let cut = (bytes.len() as f64 * cut) as usize;
        fs::write(log.file("jsonl"), &bytes[..cut]).unwrap();
        let whole = bytes[..cut].iter().filter(|byte| **byte == b'\n').count() as u64;
        let run = log.open();
        prop_assert_eq!(run.total().unwrap(), whole);
        let texts: Vec<_> = run.lines(LineQuery::default()).unwrap().map(|line| line.unwrap().text).collect();
        let expected: Vec<_> = (1..=whole).map(|n| format!("line {n}")).collect();
        prop_assert_eq!(texts, expected);
    }
}

#[test]
fn removed_lines_are_named_and_numbers_go_on() {
    let log = Log::with_segments_of(20_000);
    let run = log.open();
    fill(&run, 1..=3000);
    let bytes = log.store.stored().unwrap()[0].bytes;
    assert!(bytes > 100_000 && log.store.stored().unwrap()[0].written_at > Timestamp(0));
    let swept = run.remove_oldest(100_000).unwrap();
    assert!(swept.files > 0 && bytes - swept.bytes <= 110_000, "{swept:?}");
    let check = |run: &RunLog, total: u64| {
        let page = run.read(&LineQuery { limit: 3, ..LineQuery::default() }).unwrap();
        let gone = page.gone.unwrap();
        assert_eq!((gone.from, page.total), (1, total));
        assert_eq!(numbers(&page), [gone.to + 1, gone.to + 2, gone.to + 3]);
        assert!(page.lines.iter().all(|line| line.text == format!("line {}", line.n)));
        assert_eq!(page.next_from, Some(gone.to + 4));
        let all: Vec<_> = run.lines(LineQuery::default()).unwrap().map(|line| line.unwrap().n).collect();
        assert!(all.into_iter().eq(gone.to + 1..=total));
        let page = run.read(&LineQuery { from: total, limit: 9, ..LineQuery::default() }).unwrap();
        assert_eq!(numbers(&page), [total]);
        assert_eq!(numbers(&run.read_tail(2).unwrap()), [total - 1, total]);
    };
    check(&run, 3000);
    drop(run);
    let run = LogStore::open_with(&log.store.root, 20_000).unwrap().open_run(log.run).unwrap();
    check(&run, 3000);

    // All of it: the next line still has the next number, also after a restart.
    run.remove_oldest(0).unwrap();
    assert_eq!(run.remove_oldest(0).unwrap(), Swept::default());
    for run in [&run, &LogStore::open_with(&log.store.root, 20_000).unwrap().open_run(log.run).unwrap()] {
        let page = run.read(&LineQuery { from: 7, limit: 3, ..LineQuery::default() }).unwrap();
        let gone = Some(LineRange { from: 1, to: 3000 });
        assert_eq!(page, LinePage { lines: vec![], total: 3000, gone, next_from: None });
        assert_eq!(run.lines(LineQuery::default()).unwrap().count(), 0);
    }
    drop(run);
    let run = LogStore::open_with(&log.store.root, 20_000).unwrap().open_run(log.run).unwrap();
    assert_eq!(run.append(&[new_line(3001, "line 3001")]).unwrap(), LineRange { from: 3001, to: 3001 });
    assert_eq!(numbers(&run.read_tail(5).unwrap()), [3001]);
}

#[test]
fn reading_goes_on_while_lines_are_removed() {
    let log = Log::with_segments_of(5_000);
    let run = log.open();
    fill(&run, 1..=4000);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut pages = 0;
            loop {
                let page = run.read(&LineQuery { limit: 1000, ..LineQuery::default() }).unwrap();
                let first = page.gone.map_or(0, |gone| gone.to) + 1;
                let expected = first..(first + 1000).min(4001);
                assert!(numbers(&page).into_iter().eq(expected), "{:?}", page.gone);
                pages += 1;
                if first > 4000 {
                    return pages;
                }
            }
        });
        for keep in (0..300_000).rev().step_by(3_000) {
            run.remove_oldest(keep).unwrap();
        }
        run.remove_oldest(0).unwrap();
        assert!(reader.join().unwrap() > 0);
    });
}
