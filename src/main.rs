//! The program: the child side of the script sandbox for now.

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == "sandbox") {
        return callboard::sandbox::child_main(std::io::stdin().lock(), std::io::stdout().lock());
    }
    ExitCode::SUCCESS
}
