//! The ways out of the house, as the settings describe them: whom they may reach, whose certificates they trust, who hands on
//! mails.

use chiliview_notify::{
    Limits, Outbound, Policy, Roots,
    mail::{Mailer, SmtpSettings},
};
use chiliview_worker::Telling;
use url::Url;

use crate::{exit::Failure, settings::Settings};

/// How people outside are told.
pub(crate) fn telling(settings: &Settings) -> Result<Telling, Failure> {
    let roots = roots(settings)?;
    let policy = Policy::allowing(settings.outbound_allow.clone());
    let outbound = Outbound::new(policy, Limits::default(), &roots).map_err(Failure::usage)?;
    let mailer = mailer(settings, &roots)?;
    let public_url = settings.public_url.as_deref().map(public_url).transpose()?;
    Ok(Telling { outbound: Some(outbound), mailer, public_url })
}

/// With a slash at its end, so that pages are below it.
fn public_url(text: &str) -> Result<Url, Failure> {
    let url = Url::parse(&format!("{}/", text.trim_end_matches('/')));
    url.ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .ok_or_else(|| Failure::usage("use CHILIVIEW_PUBLIC_URL: it must begin with https:// or http://"))
}

pub(crate) fn roots(settings: &Settings) -> Result<Roots, Failure> {
    let Some(path) = &settings.ca_file else { return Ok(Roots::system()) };
    let pem = std::fs::read(path).map_err(|error| Failure::usage(format!("read {}: {error}", path.display())))?;
    let wrong = |error| Failure::usage(format!("use {}: {error}", path.display()));
    Roots::system().with_pem(&pem).map_err(wrong)
}

fn mailer(settings: &Settings, roots: &Roots) -> Result<Option<Mailer>, Failure> {
    match (&settings.smtp_url, &settings.smtp_from) {
        (None, None) => Ok(None),
        (Some(url), Some(from)) => {
            let smtp = SmtpSettings { url: url.inner().clone(), from: from.clone() };
            Mailer::new(&smtp, roots).map(Some).map_err(Failure::usage)
        }
        _ => Err(Failure::usage("send e-mails: CHILIVIEW_SMTP_URL and CHILIVIEW_SMTP_FROM go together")),
    }
}
