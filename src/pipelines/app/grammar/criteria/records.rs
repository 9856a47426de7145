//! Of the records: kept, added, changed, removed; found, filtered and sorted.

use super::{Check, Lines, Writer};
use crate::pipelines::app::spec::Intent;

impl Writer<'_> {
    pub(super) fn records(&self, intent: &Intent) -> Lines {
        match intent {
            Intent::Keep { entity, fields } => {
                let one = self.one(entity);
                let names = self.names(entity, fields);
                vec![
                    (
                        Check::KeepSurvives,
                        format!(
                            "given {one} with every field filled in, when the app is opened again, then {one} with the same values is there"
                        ),
                    ),
                    (
                        Check::KeepFields,
                        format!("given the model, then {one} has exactly these fields: {names}"),
                    ),
                ]
            }
            Intent::Add { entity } => {
                let (one, many) = (self.one(entity), self.many(entity));
                vec![
                    (
                        Check::AddStores,
                        format!(
                            "given no {many}, when {one} is added, then it is the only one listed and has the values that were entered"
                        ),
                    ),
                    (
                        Check::AddOwnId,
                        format!("given {one}, when another is added, then the two have different ids"),
                    ),
                ]
            }
            Intent::Edit { entity } => {
                let (one, many) = (self.one(entity), self.many(entity));
                vec![
                    (
                        Check::EditChanges,
                        format!(
                            "given two {many}, when one field of the first is changed, then that field has the new value and everything else is as before"
                        ),
                    ),
                    (
                        Check::EditUnknown,
                        format!(
                            "given {one}, when an unknown id is edited, then this is refused and nothing changes"
                        ),
                    ),
                ]
            }
            Intent::Remove { entity } => {
                let (one, many) = (self.one(entity), self.many(entity));
                vec![
                    (
                        Check::RemoveRemoves,
                        format!(
                            "given two {many}, when the first is removed, then only the second is listed"
                        ),
                    ),
                    (
                        Check::RemoveUnknown,
                        format!(
                            "given {one}, when an unknown id is removed, then this is refused and nothing changes"
                        ),
                    ),
                ]
            }
            Intent::List { entity } => {
                let many = self.many(entity);
                vec![
                    (
                        Check::ListAll,
                        format!(
                            "given three {many}, when they are listed, then all three come in the order in which they were added"
                        ),
                    ),
                    (
                        Check::ListEmpty,
                        format!("given no {many}, when they are listed, then the list is empty"),
                    ),
                ]
            }
            _ => Vec::new(),
        }
    }

    pub(super) fn views(&self, intent: &Intent) -> Lines {
        match intent {
            Intent::Search { entity, fields } => {
                let many = self.many(entity);
                let names = self.names(entity, fields);
                vec![
                    (
                        Check::SearchFinds,
                        format!(
                            "given three {many}, when a part of the {names} of one is searched in other letter case, then it is found"
                        ),
                    ),
                    (
                        Check::SearchNothing,
                        format!(
                            "given three {many}, when a text is searched that stands in no {names}, then nothing is found"
                        ),
                    ),
                    (
                        Check::SearchEmpty,
                        format!("given three {many}, when the search is empty, then all three are shown"),
                    ),
                ]
            }
            Intent::Filter { entity, field } => {
                let many = self.many(entity);
                let name = self.name(entity, field);
                vec![
                    (
                        Check::FilterKeeps,
                        format!(
                            "given {many} with different {name}, when one {name} is chosen, then exactly the {many} with it are shown"
                        ),
                    ),
                    (
                        Check::FilterOff,
                        format!(
                            "given {many} with different {name}, when no {name} is chosen, then all are shown"
                        ),
                    ),
                ]
            }
            Intent::Sort { entity, field, descending } => {
                let many = self.many(entity);
                let name = self.name(entity, field);
                let order = self.order(entity, field, *descending);
                vec![
                    (
                        Check::SortOrders,
                        format!(
                            "given {many} added in another order, when they are sorted by {name}, then they come {order}"
                        ),
                    ),
                    (
                        Check::SortStable,
                        format!(
                            "given two {many} with the same {name}, when they are sorted by {name}, then the one added first comes first"
                        ),
                    ),
                ]
            }
            _ => Vec::new(),
        }
    }
}
