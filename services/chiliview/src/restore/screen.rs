//! What a restore shows: lines on standard output, a bar and a question on standard error, each only where somebody looks.

use std::io::{IsTerminal as _, Write as _};

use chiliview_doctor::Line;
use chiliview_recover::Audience;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::doctor;

/// Whether a question would be read and answered.
pub(super) fn somebody_is_there(json: bool) -> bool {
    !json && std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks for a word, and answers what was typed.
pub(super) fn ask(question: &str) -> std::io::Result<String> {
    let mut answer = String::new();
    eprint!("{question} ");
    std::io::stderr().flush()?;
    std::io::stdin().read_line(&mut answer)?;
    Ok(answer.trim().to_owned())
}

/// Somebody at a terminal, or a program.
pub(crate) struct Screen {
    json: bool,
    asks: bool,
    bar: ProgressBar,
}

impl Screen {
    pub(crate) fn new(json: bool, asks: bool) -> Self {
        let bar = if json || !std::io::stderr().is_terminal() {
            ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden())
        } else {
            let style = ProgressStyle::with_template("{msg:24} [{bar:30}] {pos}/{len}");
            ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "))
        };
        Self { json, asks, bar }
    }

    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

impl Audience for Screen {
    fn line(&mut self, line: &Line) {
        if !self.json {
            self.bar.suspend(|| doctor::print(line));
        }
    }

    fn step(&mut self, what: &str, done: u64, total: u64) {
        self.bar.set_message(what.to_owned());
        self.bar.set_length(total.max(done));
        self.bar.set_position(done);
    }

    fn agree(&mut self, question: &str) -> bool {
        if !self.asks {
            return true;
        }
        self.bar.suspend(|| {
            let answer = ask(&format!("{question} [y/N]"));
            answer.is_ok_and(|answer| matches!(answer.as_str(), "y" | "Y" | "yes"))
        })
    }
}
