//! Programs that the tests start: the one under test, and those of the machine.

use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// `chiliview`, as built.
pub(crate) fn binary() -> PathBuf {
    if let Some(chosen) = env::var_os("CHILIVIEW_BIN") {
        return chosen.into();
    }
    let built = built("chiliview");
    assert!(built.exists(), "{} is not there: run `cargo build -p chiliview` first", built.display());
    built
}

/// A place in the target directory, beside the binaries.
pub(crate) fn built(name: &str) -> PathBuf {
    let test = env::current_exe().unwrap();
    test.parent().and_then(Path::parent).unwrap().join(name)
}

/// The checkout.
pub(crate) fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Whether the test has to be skipped because one of the programs is not there.
pub(crate) fn missing(programs: &[&str]) -> bool {
    let found = |program: &&&str| {
        let path = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&path).any(|directory| directory.join(program).is_file())
    };
    let Some(lacking) = programs.iter().find(|program| !found(program)) else { return false };
    skip(&format!("{lacking} is not installed"));
    true
}

/// Says so where it is seen, past the test runner's capture. CI skips nothing.
fn skip(why: &str) {
    assert!(env::var_os("CI").is_none(), "CI must not skip: {why}");
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

/// The programs of a virtual environment below the target directory, installed there the first time. None where it cannot
/// be; that is said.
pub(crate) fn python_environment(name: &str, requirements: &str) -> Option<PathBuf> {
    if missing(&["python3"]) {
        return None;
    }
    let (place, wanted) = (built(name), project().join(requirements));
    let (programs, stamp) = (place.join("bin"), place.join("requirements.txt"));
    if fs::read(&stamp).ok() != Some(fs::read(&wanted).unwrap()) {
        run(Command::new("python3").args(["-m", "venv"]).arg(&place));
        let mut install = Command::new(programs.join("python"));
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(&wanted);
        let installed = install.output().unwrap();
        if !installed.status.success() {
            skip(&format!("{name} cannot be installed: {}", String::from_utf8_lossy(&installed.stderr)));
            return None;
        }
        fs::copy(&wanted, &stamp).unwrap();
    }
    Some(programs)
}

/// Runs a command that must succeed.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("failed to start {command:?}: {error}"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?} ended with {}:\n{out}\n{err}", output.status);
    output
}
