//! What commands that wait for a worker have in common: a bar where somebody looks, and a word when there is no worker.

use std::{io::IsTerminal, time::Duration};

use chiliview_store::{Error, Store, queue};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::exit::Failure;

/// How often the row is looked at.
pub(crate) const EVERY: Duration = Duration::from_millis(200);

/// Says so when nobody is going to do anything.
pub(crate) async fn warn_without_worker(store: &Store, bar: &ProgressBar) -> Result<(), Failure> {
    let looked = store.central().read(async |tx| Ok::<_, Error>((queue::workers(tx).await?, queue::now(tx).await?)));
    let (workers, now) = looked.await?;
    if !workers.iter().any(|worker| worker.is_alive(now)) {
        bar.suspend(|| eprintln!("no worker is running: `chiliview serve` or `chiliview worker` does it"));
    }
    Ok(())
}

/// A bar; nothing where no terminal is.
pub(crate) fn bar(template: &str, json: bool) -> ProgressBar {
    if json || !std::io::stderr().is_terminal() {
        return ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    }
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(0).with_style(style.progress_chars("=> "))
}

/// Shows how far one thing is.
pub(crate) fn draw(bar: &ProgressBar, phase: &str, done: i64, total: Option<i64>) {
    let size = |bytes: i64| u64::try_from(bytes).unwrap_or(0);
    bar.set_length(total.map_or(0, size));
    bar.set_position(size(done));
    bar.set_message(phase.to_owned());
}
