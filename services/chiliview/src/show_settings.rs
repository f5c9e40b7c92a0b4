//! `chiliview settings`: what is in force, as a `chiliview.toml` that would say the same.

use crate::{
    cli::Call,
    exit::{Exit, Failure},
    output,
};

/// Prints the effective settings, secrets as `***`.
pub(crate) fn run(call: &Call) -> Result<Exit, Failure> {
    if call.json {
        output::json(&call.settings)?;
    } else {
        let text = toml::to_string(&call.settings).map_err(Failure::failed)?;
        output::line(text.trim_end())?;
    }
    Ok(Exit::Ok)
}
