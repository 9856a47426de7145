//! Tests of what no criterion says in so many words: empty values, both directions, the ends of lists, the life of a store.

mod courses;
mod figures;
mod files;
mod life;
mod lists;

use crate::pipelines::app::core_logic::store::Flags;
use crate::pipelines::app::core_logic::views::filter_fields;
use crate::pipelines::app::features::App;
use crate::pipelines::app::test_writer::{Test, having};

/// Every such test the app needs.
pub(super) fn tests(app: &App) -> Vec<Test> {
    let flags = Flags::of(app);
    let mut tests = life::life(app, flags);
    for case in having(app, |features| !features.sorts.is_empty()) {
        for (key, _) in &case.features.sorts {
            tests.push(lists::sorting(case, case.features.field(key)));
        }
    }
    for case in having(app, |features| filter_fields(features).len() > 1) {
        tests.push(lists::filtering(case));
    }
    for case in having(app, |features| !features.search.is_empty()) {
        tests.push(lists::searching_nothing(case));
    }
    figures::figures(app, &mut tests);
    for case in having(app, |features| !features.alerts.is_empty()) {
        figures::alerts(case, &mut tests);
    }
    if flags.due {
        tests.extend(life::today_of_the_machine(app));
        let nothing = "equal(isOverdueOn('nothing', {}, '2026-11-20'), false);";
        tests.push(Test::new("what has no due date is never overdue", vec![nothing.to_owned()]));
    }
    courses::days(app, flags, &mut tests);
    if flags.transitions {
        tests.extend(courses::steps(app));
    }
    if flags.imports {
        files::files(app, &mut tests);
    }
    if flags.exports {
        tests.extend(files::foreign_formats(app, "exportData", "written as"));
    }
    if flags.undo {
        tests.extend(courses::history(app));
    }
    if flags.calendar {
        tests.extend(courses::months(app));
    }
    if flags.quiz {
        tests.extend(courses::many_quizzes(app));
    }
    tests
}
