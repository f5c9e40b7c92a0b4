//! What is read of a sheet.

use super::*;

fn pointers(file: &str) -> Vec<String> {
    let sheet = read(file.as_bytes()).unwrap();
    let pointer = |error: &super::super::LineError| {
        format!("{}/{} {}", error.line, error.column.as_deref().unwrap_or("-"), error.code)
    };
    sheet.errors.first.iter().map(pointer).collect()
}

#[test]
fn what_spreadsheets_write_is_read() {
    let file =
        "\u{feff}Email;USERNAME;family_name;given_name\r\n\r\nj@x.de;jörg;\"Müller; \"\"Söhne\"\"\";'=Jörg\r\n;;;\r\n";
    let sheet = read(file.as_bytes()).unwrap();
    assert_eq!((sheet.total, sheet.errors.count), (1, 0));
    let user = &sheet.rows[0].user;
    assert_eq!((user.username.as_str(), user.email.as_str()), ("jörg", "j@x.de"));
    assert_eq!(user.family_name.as_deref(), Some("Müller; \"Söhne\""));
    assert_eq!(user.given_name.as_deref(), Some("=Jörg"));
}

#[test]
fn every_error_is_told_with_its_line_and_column() {
    let file = "username,email,role\nok,ok@x.de,member\n,b@x.de,boss\n\"c\nc\",c@x.de,\nd,d@x.de\nOK,e@x.de,\n";
    let expected = [
        "3/role unknown_variant",
        "3/username username_invalid",
        "4/username username_invalid",
        "6/- wrong_number_of_cells",
        "7/username duplicate_in_file",
    ];
    assert_eq!(pointers(file), expected);
}

#[test]
fn lines_are_counted_as_an_editor_does() {
    let file = "\nusername,email\r\n\r\na,a@x.de\r\n\"b\r\n\",b@x.de\r\n\n\nc,c@x.de";
    let codes = ["4/username", "5/username", "9/username"].map(|pointer| format!("{pointer} username_invalid"));
    assert_eq!(pointers(file), codes);
    assert_eq!(pointers("username,email\ra,a@x.de\r"), ["2/username username_invalid"]);
}

#[test]
fn columns_that_nobody_knows_are_refused_and_those_of_an_export_are_passed_over() {
    assert_eq!(
        pointers("username,admin,username\n"),
        ["1/admin unknown_column", "1/username duplicate_column", "1/email missing_column",]
    );
    assert!(pointers("id,username,email,created_at,last_login_at\n").is_empty());
    assert_eq!(read(b"username,email\nM\xfcller,a@x.de").err().unwrap().code(), "malformed_csv");
    assert_eq!(read(b"").err().unwrap().code(), "malformed_csv");
}

#[test]
fn passwords_are_bounded_before_they_are_judged() {
    let lines = (0..202).map(|n| format!("u{n}x,u{n}@x.de,correct horse battery staple\n"));
    let file = format!("username,email,password\n{}", lines.collect::<String>());
    assert_eq!(pointers(&file), ["202/password too_many_passwords", "203/password too_many_passwords"]);
}

proptest::proptest! {
    #[test]
    fn no_file_makes_it_panic_or_name_a_line_that_is_not_there(rest in "[a-z@.,;\"'=\\r\\n\\PC]{0,80}") {
        let file = format!("username,email,password,role\n{rest}");
        let lines = 1 + file.matches(['\r', '\n']).count() as u64;
        if let Ok(sheet) = read(file.as_bytes()) {
            proptest::prop_assert!(sheet.errors.first.iter().all(|error| (1..=lines).contains(&error.line)));
        }
    }
}
