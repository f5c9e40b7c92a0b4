//! The command line: which commands there are, and what help says about them.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Command as Clap, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::{
    admin, audit_log, backup, completions, doctor,
    exit::{Exit, Failure},
    health, openapi, relocate, restore, schedule, serve,
    settings::{Flags, Settings},
    show_settings, verify, worker,
};

/// Examples come before everything that has to be read.
const TEMPLATE: &str = "{about-with-newline}\n{before-help}{usage-heading} {usage}\n\n{all-args}{after-help}\n";

/// The control plane of a hosting platform that sells through resellers.
#[derive(Parser)]
#[command(name = "chiliview", version, propagate_version = true, max_term_width = 110)]
#[command(before_help = "Examples:
  chiliview serve                          serve on http://127.0.0.1:8000, data in ./data
  chiliview serve --listen 0.0.0.0:8000    …on every address
  chiliview doctor --repair                look for damage, and mend what can be mended")]
#[command(after_help = "Exit codes: 0 ok · 1 failed · 2 usage · 3 partial · 11 locked by a running server · \
12 authentication · 13 problem found · 14 repaired · 75 try again")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) flags: Flags,
    /// Print data as JSON on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API and the console, with a worker inside
    #[command(before_help = "Examples:
  chiliview serve
  chiliview serve --data-dir /var/lib/chiliview --listen 0.0.0.0:8000
  chiliview serve --no-worker              API only; `chiliview worker` does the jobs")]
    Serve(serve::Options),
    /// Do the jobs in a process of its own, beside `serve --no-worker`
    #[command(before_help = "Examples:
  chiliview worker
  chiliview worker --workers 8")]
    Worker,
    /// Manage the platform's admins, also while the service runs
    #[command(
        subcommand,
        before_help = "Examples:
  chiliview admin create eve --role operator
  chiliview admin reset-password admin
  chiliview admin list --json"
    )]
    Admin(admin::Command),
    /// Make and list backups
    #[command(
        subcommand,
        before_help = "Examples:
  chiliview backup create --all
  chiliview backup create --tenant acme --no-wait
  chiliview backup list --status failed"
    )]
    Backup(backup::Command),
    /// List, run, pause and resume schedules
    #[command(
        subcommand,
        before_help = "Examples:
  chiliview schedule list
  chiliview schedule run \"Every night\"
  chiliview schedule pause \"Every night\""
    )]
    Schedule(schedule::Command),
    /// Bring back a tenant while everything runs; the central database, or a whole platform from its shelf, while nothing does
    #[command(before_help = "Examples:
  chiliview restore acme --dry-run         what would be replaced, by which backup, and what would be lost
  chiliview restore acme                   from its newest verified backup, after its slug was typed
  chiliview restore acme --backup ID --as acme-copy
  chiliview restore --central --dry-run
  chiliview restore --central --yes        the newest backup that proves; the old database is kept in repairs/
  chiliview restore --from-shelf --shelf /mnt/backups --data-dir /var/lib/chiliview

Exit codes: 0 all restored · 1 nothing changed · 2 usage, or nobody to ask · 3 restored, and something is lost · \
11 stop the service first · 75 try again")]
    Restore(restore::Options),
    /// Move the whole platform from SQLite to PostgreSQL, or back, while the service is stopped
    #[command(before_help = "Examples:
  chiliview move --to postgres://chiliview@db.example/chiliview --dry-run
  chiliview move --to postgres://chiliview@db.example/chiliview
  chiliview move --to sqlite --data-dir /var/lib/chiliview-files    …back, from CHILIVIEW_DATABASE_URL

Each database is compared row by row on both sides, the central one comes last, and the source is kept. Cut off, the
same command goes on. Exit codes: 0 moved · 1 or 2 the platform is where it was · 11 stop the service first")]
    Move(relocate::Options),
    /// Check a snapshot against its certificate, offline
    #[command(before_help = "Examples:
  chiliview verify 018f….db.zst 018f….certificate.json --key platform.pem
  chiliview verify 018f….db.zst.age 018f….certificate.json --key platform.pem --identity identities.txt

Exit codes: 0 it is what the certificate says · 13 it is not, or the certificate is none of that key")]
    Verify(verify::Options),
    /// Look at everything that ChiliView keeps, and mend what can be mended
    #[command(before_help = "Examples:
  chiliview doctor                         look, and change nothing; the service may run
  chiliview doctor --repair                mend, after a copy to repairs/ in the data directory
  chiliview doctor --json | jq .summary

Exit codes: 0 all well · 11 a repair needs the service stopped · 13 problems found · 14 all repaired")]
    Doctor(doctor::Options),
    /// Check the audit logs
    #[command(
        subcommand,
        before_help = "Examples:
  chiliview audit verify"
    )]
    Audit(audit_log::Command),
    /// Ask a running service whether it is ready: exit code 0 or 1
    #[command(before_help = "Examples:
  chiliview health
  chiliview health --listen 10.0.0.5:8000")]
    Health,
    /// Print the effective settings, secrets as ***
    #[command(before_help = "Examples:
  chiliview settings
  CHILIVIEW_WORKERS=4 chiliview settings --json")]
    Settings,
    /// Print the API's OpenAPI document
    #[command(before_help = "Examples:
  chiliview openapi --out openapi/chiliview.json
  chiliview openapi --check openapi/chiliview.json")]
    Openapi(openapi::Options),
    /// Print a shell's completion script
    #[command(before_help = "Examples:
  chiliview completions bash > /etc/bash_completion.d/chiliview")]
    Completions(completions::Options),
    /// Print the manual page
    #[command(before_help = "Examples:
  chiliview man | man -l -")]
    Man,
}

/// A command with its subcommands.
pub(crate) fn command() -> Clap {
    styled(Cli::command())
}

fn styled(command: Clap) -> Clap {
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    names.into_iter().fold(command.help_template(TEMPLATE), |command, name| command.mut_subcommand(name, styled))
}

/// Reads the command line; ends the process with 2 when it makes no sense.
pub(crate) fn parse() -> Cli {
    let matches = command().get_matches();
    Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// Reads one of the store's words, and lists them all when it is none.
pub(crate) fn words<T>(all: &'static [T], as_str: fn(T) -> &'static str) -> impl TypedValueParser<Value = T>
where
    T: Copy + Send + Sync + 'static,
{
    let texts = PossibleValuesParser::new(all.iter().map(|word| as_str(*word)));
    texts.try_map(move |text| all.iter().copied().find(|word| as_str(*word) == text).ok_or("an unknown word"))
}

/// What a command is given.
pub(crate) struct Call {
    pub(crate) settings: Settings,
    pub(crate) json: bool,
}

/// Does what was asked.
pub(crate) fn run(cli: Cli) -> Result<Exit, Failure> {
    // Offline: no setting of an installation has a part in these.
    match cli.command {
        Command::Completions(options) => return completions::run(&options),
        Command::Man => return completions::man(),
        Command::Verify(options) => return block_on(verify::run(options, cli.json)),
        _ => {}
    }
    let call = Call { settings: Settings::load(&cli.flags)?, json: cli.json };
    match cli.command {
        Command::Serve(options) => block_on(serve::run(call, options)),
        Command::Worker => block_on(worker::run(call)),
        Command::Admin(command) => block_on(admin::run(call, command)),
        Command::Backup(command) => block_on(backup::run(call, command)),
        Command::Schedule(command) => block_on(schedule::run(call, command)),
        Command::Restore(options) => {
            let lasting = Settings::load(&cli.flags.without_shelf())?;
            block_on(restore::run(call, lasting, options))
        }
        Command::Move(options) => block_on(relocate::run(call, options)),
        Command::Doctor(options) => block_on(doctor::run(call, options)),
        Command::Audit(command) => block_on(audit_log::run(call, command)),
        Command::Health => block_on(health::run(call)),
        Command::Settings => show_settings::run(&call),
        Command::Openapi(options) => block_on(openapi::run(options)),
        Command::Completions(_) | Command::Man | Command::Verify(_) => Ok(Exit::Ok),
    }
}

fn block_on(work: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}
