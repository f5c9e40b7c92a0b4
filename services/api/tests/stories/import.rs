//! Lists of users in and out as CSV.

use chiliview_store::{admins::AdminRole, users::UserRole};
use serde_json::{Value, json};

use crate::support::{Answer, PASSWORD, Person, TestApp, on_every_engine};

async fn acme(app: &TestApp) -> (Person, String) {
    let owner = app.admin(AdminRole::Operator).await;
    let id = app.tenant(&owner, "acme").await;
    (owner, id)
}

async fn import(app: &TestApp, who: &Person, query: &str, file: &str) -> Answer {
    app.call(Some(who), "POST", &format!("/tenants/acme/users/import?{query}")).csv(file).send().await
}

/// The columns that people fill in.
fn filled_in(export: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(export.as_bytes());
    reader.records().map(|record| record.unwrap().iter().take(7).map(str::to_owned).collect()).collect()
}

#[tokio::test]
async fn what_was_exported_is_imported_unchanged() {
    on_every_engine(async |app| {
        let (owner, _) = acme(app).await;
        let people = [
            json!({ "username": "jörg", "email": "j@example.org", "given_name": "Jörg, \"der\" Große", "family_name": "Müller;Söhne" }),
            json!({ "username": "formula", "email": "f@example.org", "given_name": "=HYPERLINK(1)", "family_name": "'=x" }),
            json!({ "username": "dutch", "email": "d@example.org", "family_name": "'s Gravenhage", "role": "manager" }),
            json!({ "username": "off", "email": "o@example.org", "display_name": "+49 30", "status": "disabled" }),
        ];
        for person in people {
            app.post(&owner, "/tenants/acme/users", person).await.expect(201);
        }
        let export = app.get(&owner, "/tenants/acme/users/export").await.expect(200);
        assert_eq!(export.header("content-type"), "text/csv; charset=utf-8");
        assert_eq!(export.header("content-disposition"), "attachment; filename=\"users-acme-2026-11-18.csv\"");
        app.tenant(&owner, "copy").await;
        let call = app.call(Some(&owner), "POST", "/tenants/copy/users/import").csv(export.text.clone());
        assert_eq!(call.send().await.expect(200).json()["created"], 4);
        let copy = app.get(&owner, "/tenants/copy/users/export").await.expect(200);
        assert_eq!(filled_in(&copy.text), filled_in(&export.text));
        let again = import(app, &owner, "on_existing=update", &export.text).await.expect(200).json();
        assert_eq!((&again["updated"], &again["skipped"]), (&json!(0), &json!(4)));
    })
    .await;
}

#[tokio::test]
async fn what_spreadsheets_write_is_taken() {
    on_every_engine(async |app| {
        let (owner, _) = acme(app).await;
        let file = "\u{feff}E-Mail;x\r\n".replace("E-Mail;x", "Email;Username;Family_Name")
            + "a@example.org;änne;Groß;\r\n\r\n;;;\r\nb@example.org;berta;\"Zwei;Teile\"\r\n";
        let refused = import(app, &owner, "", &file).await.expect_problem(422, "validation_failed");
        assert_eq!(refused.pointers(), ["/lines/2"]);
        let report = import(app, &owner, "", &file.replace("Groß;", "Groß")).await.expect(200).json();
        assert_eq!((&report["total"], &report["created"]), (&json!(2), &json!(2)));
        let users = app.get(&owner, "/tenants/acme/users").await;
        assert_eq!(users.column("display_name"), ["Zwei;Teile", "Groß"]);
    })
    .await;
}

const WRONG: &str = "username,email,role,given_name\n\
    anna,anna@example.org,member,Anna\n\
    b,berta@example.org,boss,Berta\n\
    cäsar,nowhere,member,\"Cä\nsar\"\n\
    ANNA,other@example.org,,\n\
    dora,taken@example.org,,\n\
    taken,dora2@example.org,,\n";

async fn wrong_lines(app: &TestApp, owner: &Person) {
    let taken = json!({ "username": "taken", "email": "taken@example.org" });
    app.post(owner, "/tenants/acme/users", taken).await.expect(201);
}

#[tokio::test]
async fn a_rehearsal_tells_every_error_and_writes_nothing() {
    on_every_engine(async |app| {
        let (owner, _) = acme(app).await;
        wrong_lines(app, &owner).await;
        let report = import(app, &owner, "dry_run=true", WRONG).await.expect(200).json();
        let errors = report["errors"].as_array().unwrap();
        let told: Vec<_> = errors.iter().map(|e| format!("{} {} {}", e["line"], e["column"], e["code"])).collect();
        let expected = [
            "3 \"role\" \"unknown_variant\"",
            "3 \"username\" \"username_invalid\"",
            "4 \"email\" \"email_invalid\"",
            "4 \"given_name\" \"control_character\"",
            "6 \"username\" \"duplicate_in_file\"",
            "7 \"email\" \"email_taken\"",
            "8 \"username\" \"username_taken\"",
        ];
        assert_eq!(told, expected);
        let rest = json!([report["total"], report["dry_run"], report["error_count"]]);
        assert_eq!(rest, json!([6, true, 7]));
        let good = import(app, &owner, "dry_run=true", "username,email\nx1,x1@example.org\n").await.expect(200).json();
        assert_eq!((&good["created"], &good["errors"]), (&json!(1), &json!([])));
        assert_eq!(app.get(&owner, "/tenants/acme/users").await.column("username"), ["taken"]);
    })
    .await;
}

#[tokio::test]
async fn one_wrong_line_keeps_all_of_them_out() {
    on_every_engine(async |app| {
        let (owner, _) = acme(app).await;
        wrong_lines(app, &owner).await;
        let refused = import(app, &owner, "", WRONG).await.expect_problem(422, "validation_failed");
        let expected =
            ["/lines/3/role", "/lines/3/username", "/lines/4/email", "/lines/4/given_name", "/lines/6/username"];
        assert_eq!(refused.pointers(), expected);
        let only_taken = "username,email\nnew,new@example.org\ntaken,x@example.org\n";
        let refused = import(app, &owner, "", only_taken).await.expect_problem(422, "validation_failed");
        assert_eq!(refused.pointers(), ["/lines/3/username"]);
        assert_eq!(app.get(&owner, "/tenants/acme/users").await.column("username"), ["taken"]);
        let many = format!("username,email\n{}", ",\n".repeat(3) + &"x,y\n".repeat(500));
        let refused = import(app, &owner, "", &many).await.expect(422);
        assert_eq!(refused.pointers().len(), 100);
    })
    .await;
}

#[tokio::test]
async fn users_who_exist_are_passed_over_or_brought_up_to_date() {
    on_every_engine(async |app| {
        let (owner, id) = acme(app).await;
        let member = app.user(&id, UserRole::Member).await;
        let file = format!(
            "username,email,family_name,status\n{0},{0}@x.example,Neu,disabled\nnew,n@x.de,,\n",
            member.username
        );
        let counts = |report: &Value| json!([report["created"], report["updated"], report["skipped"]]);
        let skipped = import(app, &owner, "dry_run=true&on_existing=skip", &file).await.expect(200).json();
        assert_eq!(counts(&skipped), json!([1, 0, 1]));
        let updated = import(app, &owner, "on_existing=update", &file).await.expect(200).json();
        assert_eq!(counts(&updated), json!([1, 1, 0]));
        app.get(&member, "/auth/session").await.expect(401);
        let read = app.get(&owner, &format!("/tenants/acme/users/{}", member.id)).await.json();
        let expected = json!(["Neu", "disabled", "member", format!("{}@x.example", member.username)]);
        assert_eq!(json!([read["family_name"], read["status"], read["role"], read["email"]]), expected);
    })
    .await;
}

#[tokio::test]
async fn passwords_in_a_file_open_the_door_and_are_bounded() {
    on_every_engine(async |app| {
        let (owner, id) = acme(app).await;
        let file = format!("username,email,password\nanna,anna@example.org,{PASSWORD}\nberta,b@example.org,\n");
        import(app, &owner, "", &file).await.expect(200);
        app.log_in("anna", PASSWORD, Some("acme")).await.expect(200);
        app.log_in("berta", PASSWORD, Some("acme")).await.expect(401);
        let weak = "username,email,password\ncarl,c@example.org,password1234\n";
        assert_eq!(import(app, &owner, "", weak).await.expect(422).pointers(), ["/lines/2/password"]);
        let manager = app.user(&id, UserRole::Manager).await;
        let own = format!("username,email,password\n{0},{0}@x.de,{PASSWORD}\n", manager.username);
        let refused = import(app, &manager, "on_existing=update", &own).await.expect(422);
        assert_eq!(refused.json()["errors"][0]["code"], "own_password");
    })
    .await;
}

#[tokio::test]
async fn quota_and_last_manager_hold_for_files_too() {
    on_every_engine(async |app| {
        let (owner, id) = acme(app).await;
        let manager = app.user(&id, UserRole::Manager).await;
        let email = format!("{}@example.org", manager.id);
        let demotion = format!("username,email,role\n{},{email},member\n", manager.username);
        let refused = import(app, &manager, "on_existing=update", &demotion).await.expect(422);
        assert_eq!(refused.json()["errors"][0]["code"], "last_manager");
        let successor = format!("{demotion}next,next@example.org,manager\n");
        import(app, &manager, "on_existing=update", &successor).await.expect(200);
        app.patch(&owner, "/tenants/acme", json!({ "quota_users": 3 })).await.expect(200);
        let two = "username,email\nx1,x1@example.org\nx2,x2@example.org\n";
        let refused = import(app, &owner, "", two).await.expect(422);
        assert_eq!(
            (refused.pointers(), &refused.json()["errors"][0]["code"]),
            (vec!["/lines/3".into()], &json!("quota_exceeded"))
        );
    })
    .await;
}

#[tokio::test]
async fn a_thousand_users_come_in_at_once_and_each_is_in_the_audit_log() {
    on_every_engine(async |app| {
        let (owner, id) = acme(app).await;
        let lines = (0..1000).map(|n| format!("user{n},user{n}@example.org,Größe {n}\n"));
        let file = format!("username,email,family_name\n{}", lines.collect::<String>());
        let run = async || {
            let call = app.call(Some(&owner), "POST", "/tenants/acme/users/import").header("Idempotency-Key", "k");
            call.csv(file.clone()).send().await.expect(200).json()
        };
        let report = run().await;
        assert_eq!((&report["created"], &run().await), (&json!(1000), &report));
        let export = app.get(&owner, "/tenants/acme/users/export").await.expect(200);
        assert_eq!(filled_in(&export.text).len(), 1001);
        let verified = app.get(&owner, &format!("/tenants/{id}/audit/verify")).await.expect(200).json();
        assert_eq!((&verified["intact"], &verified["entries"]), (&json!(true), &json!(1002)));
    })
    .await;
}

#[tokio::test]
async fn a_file_that_is_none_is_refused_as_a_whole() {
    on_every_engine(async |app| {
        let (owner, _) = acme(app).await;
        import(app, &owner, "", "").await.expect_problem(400, "malformed_csv");
        let latin = b"username,email\nM\xfcller,m@x.de\n".to_vec();
        let call = app.call(Some(&owner), "POST", "/tenants/acme/users/import").csv(latin);
        call.send().await.expect_problem(400, "malformed_csv");
        let columns = import(app, &owner, "", "username,e-mail\n").await.expect(422);
        assert_eq!(columns.pointers(), ["/lines/1/e-mail", "/lines/1/email"]);
        let call = app.call(Some(&owner), "POST", "/tenants/acme/users/import").json(&json!({}));
        call.send().await.expect_problem(415, "unsupported_media_type");
        let big = vec![b'x'; (16 << 20) + 1];
        let call = app.call(Some(&owner), "POST", "/tenants/acme/users/import").csv(big);
        call.send().await.expect_problem(413, "payload_too_large");
    })
    .await;
}
