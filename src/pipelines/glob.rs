//! Patterns of paths: `*` stands for any part of a name, `**` for any folders, `?` for one character.

/// Whether a path fits a pattern.
pub fn fits(pattern: &str, path: &str) -> bool {
    let pattern: Vec<&str> = pattern.split('/').collect();
    let path: Vec<&str> = path.split('/').collect();
    // One row per segment of the pattern: which lengths of the path fit what came so far.
    let mut reached = vec![false; path.len() + 1];
    reached[0] = true;
    for segment in pattern {
        let mut next = vec![false; path.len() + 1];
        for at in 0..=path.len() {
            if segment == "**" {
                next[at] = reached[at] || (at > 0 && next[at - 1]);
            } else if at > 0 {
                next[at] = reached[at - 1] && name_fits(segment, path[at - 1]);
            }
        }
        reached = next;
    }
    reached[path.len()]
}

/// Whether a pattern names one path alone.
pub fn is_plain(pattern: &str) -> bool {
    !pattern.contains(['*', '?'])
}

fn name_fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let mut reached = vec![false; name.len() + 1];
    reached[0] = true;
    for letter in pattern {
        let mut next = vec![false; name.len() + 1];
        for at in 0..=name.len() {
            next[at] = match letter {
                '*' => reached[at] || (at > 0 && next[at - 1]),
                _ => at > 0 && reached[at - 1] && (letter == '?' || letter == name[at - 1]),
            };
        }
        reached = next;
    }
    reached[name.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_what_they_say() {
        for (pattern, path, expected) in [
            ("a.txt", "a.txt", true),
            ("a.txt", "b/a.txt", false),
            ("*.txt", "a.txt", true),
            ("*.txt", "b/a.txt", false),
            ("**/*.txt", "a.txt", true),
            ("**/*.txt", "b/c/a.txt", true),
            ("out/**", "out/a/b", true),
            ("out/**", "outer/a", false),
            ("**", "anything/at/all", true),
            ("a?c/*/d", "abc/x/d", true),
            ("a?c/*/d", "abc/d", false),
            ("*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
        ] {
            assert_eq!(fits(pattern, path), expected, "{pattern} {path}");
        }
    }
}
