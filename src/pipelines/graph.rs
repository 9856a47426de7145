//! In which order agents work: each after those it needs, otherwise as they were written.

use std::collections::BTreeSet;

/// An agent in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    /// Where it was written.
    pub(super) from: usize,
    /// New places of all it builds on, directly or not; none is every agent before it.
    pub(super) needs: Option<Vec<usize>>,
}

/// Settles the order. Without a word an agent needs the one that was written before it.
///
/// # Errors
/// Needs that no agent has the name of, and circles.
pub(super) fn order(names: &[&str], needs: &[Option<Vec<String>>]) -> Result<Vec<Placed>, Vec<String>> {
    let mut problems = Vec::new();
    let mut direct: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); names.len()];
    for (index, given) in needs.iter().enumerate() {
        match given {
            None => direct[index].extend(index.checked_sub(1)),
            Some(given) => {
                for need in given {
                    match names.iter().position(|name| name == need) {
                        Some(place) => {
                            direct[index].insert(place);
                        }
                        None => problems.push(format!(
                            "agent {}: needs {need}, which is none; there are: {}",
                            names[index],
                            names.join(", ")
                        )),
                    }
                }
            }
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut order: Vec<usize> = Vec::with_capacity(names.len());
    while order.len() < names.len() {
        let ready = (0..names.len())
            .find(|index| !order.contains(index) && direct[*index].iter().all(|need| order.contains(need)));
        match ready {
            Some(index) => order.push(index),
            None => {
                let left: Vec<&str> = (0..names.len())
                    .filter(|index| !order.contains(index))
                    .map(|index| names[index])
                    .collect();
                return Err(vec![format!("agents need each other in a circle: {}", left.join(", "))]);
            }
        }
    }
    let place = |index: usize| order.iter().position(|other| *other == index).unwrap_or(index);
    let mut all: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); names.len()];
    for index in &order {
        let below: BTreeSet<usize> =
            direct[*index].iter().flat_map(|need| all[*need].iter().copied().chain([*need])).collect();
        all[*index] = below;
    }
    Ok(order
        .iter()
        .map(|from| {
            let mut settled: Vec<usize> = all[*from].iter().map(|need| place(*need)).collect();
            settled.sort_unstable();
            let is_all = settled.len() == place(*from);
            Placed { from: *from, needs: (!is_all).then_some(settled) }
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where an agent was written and what it builds on.
    type Order = Vec<(usize, Option<Vec<usize>>)>;

    fn check(written: &[(&str, Option<&[&str]>)]) -> Result<Order, Vec<String>> {
        let names: Vec<&str> = written.iter().map(|(name, _)| *name).collect();
        let needs: Vec<Option<Vec<String>>> = written
            .iter()
            .map(|(_, needs)| needs.map(|needs| needs.iter().map(|need| (*need).to_owned()).collect()))
            .collect();
        order(&names, &needs)
            .map(|placed| placed.into_iter().map(|agent| (agent.from, agent.needs)).collect())
    }

    #[test]
    fn agents_follow_what_they_need() {
        assert_eq!(
            check(&[("a", None), ("b", None), ("c", None)]),
            Ok(vec![(0, None), (1, None), (2, None)])
        );
        assert_eq!(
            check(&[("a", Some(&["c"])), ("b", Some(&[])), ("c", Some(&[]))]),
            Ok(vec![(1, None), (2, Some(vec![])), (0, Some(vec![1]))])
        );
        // What a need builds on is handed through.
        assert_eq!(
            check(&[("a", None), ("x", Some(&[])), ("b", Some(&["a"])), ("c", Some(&["b"]))]),
            Ok(vec![(0, None), (1, Some(vec![])), (2, Some(vec![0])), (3, Some(vec![0, 2]))])
        );
    }

    #[test]
    fn circles_and_strangers_are_told() {
        let circle = check(&[("a", Some(&["b"])), ("b", Some(&["a"])), ("c", Some(&[]))]).unwrap_err();
        assert_eq!(circle, ["agents need each other in a circle: a, b"]);
        assert!(check(&[("a", Some(&["a"]))]).unwrap_err()[0].contains("circle"));
        assert!(check(&[("a", Some(&["z"]))]).unwrap_err()[0].contains("needs z, which is none"));
    }
}
