//! Rotation on a real directory, and what a failing one does.

use tempfile::TempDir;

use super::*;

const LINE: &[u8] = b"0123456789\n";

fn open(directory: &TempDir, lines: u64, keep: usize) -> RotatingFile {
    let path = directory.path().join("logs/chiliview.log");
    RotatingFile::open(path, lines * LINE.len() as u64, keep).expect("a fresh directory")
}

fn write(file: &mut RotatingFile, lines: usize) {
    for _ in 0..lines {
        file.write_all(LINE).expect("room for a line");
    }
}

/// Each file and its lines, as in `chiliview.log 2, chiliview.log.1 3`.
fn lines(directory: &TempDir) -> String {
    let mut found: Vec<_> = fs::read_dir(directory.path().join("logs"))
        .expect("the directory was made")
        .map(|entry| {
            let entry = entry.expect("readable");
            let text = fs::read_to_string(entry.path()).expect("text");
            format!("{} {}", entry.file_name().display(), text.lines().count())
        })
        .collect();
    found.sort();
    found.join(", ")
}

#[test]
fn it_rotates_between_lines_and_keeps_the_youngest() {
    let directory = TempDir::new().expect("a temporary directory");
    let mut file = open(&directory, 3, 2);
    write(&mut file, 11);
    assert_eq!(lines(&directory), "chiliview.log 2, chiliview.log.1 3, chiliview.log.2 3");
}

#[test]
fn it_goes_on_where_it_stopped_and_can_keep_nothing() {
    let directory = TempDir::new().expect("a temporary directory");
    write(&mut open(&directory, 3, 0), 2);
    write(&mut open(&directory, 3, 0), 2);
    assert_eq!(lines(&directory), "chiliview.log 1");
}

#[test]
fn only_the_owner_reads_it() {
    let directory = TempDir::new().expect("a temporary directory");
    let logs = directory.path().join("logs");
    fs::create_dir(&logs).expect("a fresh directory");
    fs::write(logs.join("chiliview.log"), "").expect("a fresh file");
    fs::set_permissions(logs.join("chiliview.log"), Permissions::from_mode(0o644)).expect("ours");
    write(&mut open(&directory, 1, 1), 2);
    for name in ["chiliview.log", "chiliview.log.1"] {
        let mode = fs::metadata(logs.join(name)).expect("written").mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn two_writers_of_one_file_do_not_rotate_it_twice() {
    let directory = TempDir::new().expect("a temporary directory");
    let (mut one, mut two) = (open(&directory, 3, 5), open(&directory, 3, 5));
    write(&mut one, 3);
    write(&mut two, 3);
    write(&mut one, 1);
    write(&mut two, 1);
    assert_eq!(lines(&directory), "chiliview.log 2, chiliview.log.1 6");
}

#[test]
fn a_removed_file_or_directory_comes_back_at_the_next_rotation() {
    let directory = TempDir::new().expect("a temporary directory");
    let mut file = open(&directory, 2, 2);
    write(&mut file, 2);
    fs::remove_dir_all(directory.path().join("logs")).expect("ours");
    write(&mut file, 1);
    assert_eq!(lines(&directory), "chiliview.log 1");
}

#[test]
fn a_failed_rotation_loses_nothing_until_twice_the_limit() {
    let directory = TempDir::new().expect("a temporary directory");
    let mut file = open(&directory, 2, 1);
    fs::create_dir_all(directory.path().join("logs/chiliview.log.1/in-the-way")).expect("ours");
    write(&mut file, 4);
    file.write_all(LINE).expect_err("twice the limit is reached");
    let live = fs::read(directory.path().join("logs/chiliview.log")).expect("written");
    assert_eq!(live, LINE.repeat(4));
}

#[test]
fn half_a_line_left_by_a_failed_write_does_not_spoil_the_next() {
    let directory = TempDir::new().expect("a temporary directory");
    let mut file = open(&directory, 9, 1);
    write(&mut file, 1);
    file.file.write_all(b"half").expect("room for it");
    let good = std::mem::replace(&mut file.file, File::open("/dev/null").expect("every Unix has it"));
    file.write_all(LINE).expect_err("it is open for reading only");
    file.file = good;
    write(&mut file, 1);
    let live = fs::read_to_string(directory.path().join("logs/chiliview.log")).expect("written");
    assert_eq!(live, "0123456789\nhalf\n0123456789\n");
}

#[test]
fn a_device_is_refused_and_left_alone() {
    let mode = || fs::metadata("/dev/null").expect("every Unix has it").mode();
    let before = mode();
    RotatingFile::open("/dev/null".into(), 1, 1).expect_err("it is no regular file");
    assert_eq!(mode(), before);
}
