//! `chiliview completions` and `chiliview man`: what packagers ship beside the binary.

use std::io;

use clap::Args;
use clap_complete::Shell;

use crate::{
    cli,
    exit::{Exit, Failure},
    output,
};

/// Flags of `completions`.
#[derive(Args)]
pub(crate) struct Options {
    /// Whose
    shell: Shell,
}

/// Prints a completion script.
pub(crate) fn run(options: &Options) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut cli::command(), "chiliview", &mut script);
    print(script)
}

/// Prints the manual page, all commands in one.
pub(crate) fn man() -> Result<Exit, Failure> {
    let mut page = Vec::new();
    let mut command = cli::command();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    command.build();
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help") {
        let man = clap_mangen::Man::new(sub.clone());
        let name = sub.get_name().to_uppercase();
        page.extend_from_slice(format!(".SH CHILIVIEW {name}\n").as_bytes());
        sections(&man, &mut page)?;
    }
    print(page)
}

fn sections(man: &clap_mangen::Man, page: &mut Vec<u8>) -> io::Result<()> {
    man.render_description_section(page)?;
    man.render_synopsis_section(page)
}

fn print(bytes: Vec<u8>) -> Result<Exit, Failure> {
    let text = String::from_utf8(bytes).map_err(Failure::failed)?;
    output::line(text.trim_end())?;
    Ok(Exit::Ok)
}
