//! `chiliview`, the one binary: the service, the worker, and what operators do by hand. One file per command.
#![cfg_attr(test, expect(clippy::unwrap_used, reason = "a test may stop at once"))]

mod admin;
mod audit_log;
mod backup;
mod cli;
mod completions;
mod doctor;
mod exit;
mod first_admin;
mod follow;
mod health;
mod identity_file;
mod log;
mod open;
mod openapi;
mod output;
mod outside;
mod relocate;
mod restore;
mod schedule;
mod serve;
mod settings;
mod shelf_location;
mod show_settings;
mod signals;
mod stop;
mod traces;
mod verify;
mod worker;

use std::process::ExitCode;

use crate::exit::Failure;

fn main() -> ExitCode {
    let cli = cli::parse();
    let json = cli.json;
    match cli::run(cli) {
        Ok(exit) => exit.into(),
        Err(failure) => say(&failure, json),
    }
}

fn say(failure: &Failure, json: bool) -> ExitCode {
    if json {
        let code = failure.exit as u8;
        println!("{}", serde_json::json!({"error": {"exit_code": code, "message": failure.words}}));
    } else {
        eprintln!("chiliview: failed to {}", failure.words);
    }
    failure.exit.into()
}
