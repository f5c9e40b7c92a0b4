//! E-mails, handed to a real SMTP server.

use std::time::Duration;

use chiliview_notify::mail::{Mail, MailError, Mailer, SmtpSettings};
use chiliview_notify::{Kind, Language, Notice, Roots};
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::certificates::Identity;
use crate::post_office::{Manner, PostOffice, USER};
use crate::webhooks::now;

fn mailer(url: &str, roots: &Roots) -> Mailer {
    let settings = SmtpSettings { url: url.into(), from: "ChiliView <chili@hosting.example>".into() };
    Mailer::new(&settings, roots).unwrap()
}

fn plain(office: &PostOffice) -> Mailer {
    mailer(&format!("smtp://{}?tls=none", office.address), &Roots::system())
}

fn mail(to: &str) -> Mail {
    Mail { id: Uuid::from_u128(9), at: now(), to: to.parse().unwrap(), subject: "Hello".into(), body: "Hi.\n".into() }
}

/// The headers of a mail, unfolded, one a line.
fn headers(text: &str) -> Vec<String> {
    let (head, _) = text.split_once("\r\n\r\n").unwrap();
    head.replace("\r\n ", " ").split("\r\n").map(String::from).collect()
}

#[tokio::test]
async fn a_mail_arrives_as_plain_text_from_the_sender() {
    let office = PostOffice::open(Manner::Open).await;
    plain(&office).send(&mail("Operations <ops@example.com>")).await.unwrap();
    let [letter] = &office.letters()[..] else { panic!("one letter") };
    assert_eq!(
        (letter.from.as_str(), letter.to.as_slice()),
        ("chili@hosting.example", &["ops@example.com".to_owned()][..])
    );
    assert_eq!(letter.greeted_as, "hosting.example");
    let headers = headers(&letter.text);
    for expected in [
        "From: ChiliView <chili@hosting.example>",
        "To: Operations <ops@example.com>",
        "Subject: Hello",
        "Auto-Submitted: auto-generated",
        "Message-ID: <00000000-0000-0000-0000-000000000009@hosting.example>",
        "Content-Type: text/plain; charset=utf-8",
        "Date: Sun, 01 Mar 2026 05:00:00 +0000",
    ] {
        assert!(headers.iter().any(|header| header == expected), "{expected}\n{headers:#?}");
    }
    assert!(letter.text.ends_with("\r\n\r\nHi.\r\n"), "{}", letter.text);
}

#[tokio::test]
async fn a_notice_arrives_in_german() {
    let office = PostOffice::open(Manner::Open).await;
    let notice = Notice::new(Kind::BackupDamaged, now()).subject("acme");
    let (subject, body) = (notice.title(Language::German), notice.text(Language::German));
    plain(&office).send(&Mail { subject, body, ..mail("ops@example.com") }).await.unwrap();
    let letter = &office.letters()[0];
    assert!(headers(&letter.text).iter().any(|header| header.starts_with("Subject: ") && header.contains("=?utf-8?")));
    assert!(letter.text.contains("Content-Transfer-Encoding: quoted-printable"));
    assert!(letter.text.contains("Pr=C3=BCfung"), "{}", letter.text);
}

#[tokio::test]
async fn nothing_in_a_mail_becomes_a_header_or_ends_it() {
    let office = PostOffice::open(Manner::Open).await;
    let subject = "Hi\r\nBcc: everybody@example.com\r\n\r\nbody\u{0}".into();
    let body = ".\r\nQUIT\r\n.\n..\nBcc: everybody@example.com\n".into();
    plain(&office).send(&Mail { subject, body, ..mail("ops@example.com") }).await.unwrap();
    let [letter] = &office.letters()[..] else { panic!("one letter") };
    assert_eq!(letter.to, ["ops@example.com"]);
    let headers = headers(&letter.text);
    assert!(!headers.iter().any(|header| header.starts_with("Bcc")), "{headers:#?}");
    assert!(headers.iter().any(|header| header == "Subject: Hi  Bcc: everybody@example.com    body"), "{headers:#?}");
    let (_, body) = letter.text.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, ".\r\nQUIT\r\n.\r\n..\r\nBcc: everybody@example.com\r\n");
}

#[tokio::test]
async fn a_password_is_percent_decoded_and_checked() {
    let office = PostOffice::open(Manner::Password).await;
    let url = |password: &str| format!("smtp://{USER}:{password}@{}?tls=none", office.address);
    mailer(&url("p%40ss%3Aw%2Frd"), &Roots::system()).send(&mail("ops@example.com")).await.unwrap();
    assert_eq!(office.letters()[0].user.as_deref(), Some(USER));
    let refused = mailer(&url("wrong"), &Roots::system()).send(&mail("ops@example.com")).await.unwrap_err();
    assert!(matches!(refused, MailError::Refused(_)) && !refused.is_worth_retrying());
    assert_eq!(office.letters().len(), 1);
}

#[tokio::test]
async fn tls_protects_the_password_and_wants_a_trusted_certificate() {
    let identity = Identity::of("localhost");
    for (manner, scheme) in
        [(Manner::StartTls(identity.acceptor.clone()), "smtp"), (Manner::Tls(identity.acceptor.clone()), "smtps")]
    {
        let office = PostOffice::open(manner).await;
        let url = format!("{scheme}://{USER}:p%40ss%3Aw%2Frd@localhost:{}?tls=required", office.address.port());
        mailer(&url, &identity.roots()).send(&mail("ops@example.com")).await.unwrap();
        assert_eq!(office.letters()[0].user.as_deref(), Some(USER));
        let distrusted = mailer(&url, &Roots::system()).send(&mail("ops@example.com")).await.unwrap_err();
        assert!(matches!(distrusted, MailError::Tls(_)), "{distrusted:?}");
        assert_eq!(office.letters().len(), 1);
    }
}

#[tokio::test]
async fn a_server_without_tls_gets_nothing_when_tls_is_required() {
    let office = PostOffice::open(Manner::Open).await;
    let mailer = mailer(&format!("smtp://localhost:{}", office.address.port()), &Roots::system());
    let error = mailer.send(&mail("ops@example.com")).await.unwrap_err();
    assert!(matches!(error, MailError::Unsupported(_)) && error.words().contains("STARTTLS"), "{}", error.words());
    assert!(office.letters().is_empty());
}

#[tokio::test]
async fn no_for_good_is_told_from_not_now() {
    let office = PostOffice::open(Manner::Open).await;
    let refused = plain(&office).send(&mail("nobody@example.com")).await.unwrap_err();
    assert!(matches!(refused, MailError::Refused(_)) && refused.next_attempt(1, 0).is_none(), "{refused:?}");
    assert!(refused.words().contains("Mailbox unavailable"), "{}", refused.words());
    let deferred = plain(&office).send(&mail("later@example.com")).await.unwrap_err();
    assert!(matches!(deferred, MailError::Deferred(_)) && deferred.next_attempt(1, 0).is_some(), "{deferred:?}");
}

#[tokio::test]
async fn a_server_that_says_nothing_or_is_not_there_is_left() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let mailer = mailer(&format!("smtp://{address}?tls=none"), &Roots::system());
    let hasty = mailer.clone().with_patience(Duration::from_millis(200));
    assert!(matches!(hasty.send(&mail("ops@example.com")).await, Err(MailError::Timeout)));
    drop(silent);
    let gone = mailer.send(&mail("ops@example.com")).await.unwrap_err();
    assert!(matches!(gone, MailError::Connection(_)) && gone.is_worth_retrying(), "{gone:?}");
}
