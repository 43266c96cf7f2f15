//! Runs the commands that the documents show, in order, on real machines, and compares what they print with what the
//! page says. `README.md` beside this crate tells how a page marks its blocks.

mod block;
mod expect;
mod machine;
mod options;
mod page;
mod run;
mod session;
mod still;
mod words;

use std::process::ExitCode;

use options::Options;
use page::Page;

/// What a round of the tests adds up to.
#[derive(Default)]
pub struct Sum {
    passed: usize,
    failed: usize,
}

impl Sum {
    /// Counts and tells one failure.
    pub fn fail(&mut self, text: &str) {
        self.failed += 1;
        println!("FAILED {text}");
    }
}

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)).and_then(|options| all(&options)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(text) => {
            eprintln!("{text}");
            ExitCode::from(2)
        }
    }
}

fn all(options: &Options) -> Result<bool, String> {
    let mut pages = Vec::new();
    for file in page::files(&options.root, &options.only)? {
        pages.push(Page::read(&options.root, &file)?);
    }
    let mut sum = Sum::default();
    for name in &options.backends {
        match name.as_str() {
            "none" => still::check_all(&pages, options, &mut sum),
            name => run::run_all(name, &pages, options, &mut sum)?,
        }
    }
    println!("docs: {} passed, {} failed", sum.passed, sum.failed);
    Ok(sum.failed == 0)
}
