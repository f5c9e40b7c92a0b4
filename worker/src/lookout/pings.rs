//! Dead-man pings: a URL is called for as long as all is well, and the service behind it raises the alarm when calls stop,
//! whatever the reason; the one that this process is dead is among them.

use chiliview_notify::ping::{self, Ping};
use chiliview_store::{
    Error,
    backups::Punctuality,
    channels::{self, Channel, ChannelKind},
};
use url::Url;

use crate::{context::Context, deliver};

pub(super) async fn send(context: &Context, punctuality: &Punctuality) -> Result<(), Error> {
    let all = context.store.central().read(channels::enabled).await?;
    let silence = silence(punctuality);
    for channel in all.iter().filter(|channel| channel.kind == ChannelKind::Ping) {
        match &silence {
            Some(reason) => note(context, channel, Some(reason)).await?,
            None => one(context, channel).await?,
        }
    }
    Ok(())
}

/// Why nobody is told that all is well.
fn silence(punctuality: &Punctuality) -> Option<String> {
    if punctuality.schedules == 0 {
        return Some("no ping is sent: no schedule makes backups".to_owned());
    }
    let late: Vec<_> = punctuality.late.iter().map(|late| late.name.as_str()).collect();
    (!late.is_empty()).then(|| format!("no ping is sent: late are {}", late.join(", ")))
}

/// Whoever takes the channel's next ping sends it; the other processes do not.
async fn one(context: &Context, channel: &Channel) -> Result<(), Error> {
    let now = context.now();
    let before = now.minus(context.config.lookout.ping_every);
    if channel.last_at.is_some_and(|at| at > before) {
        return Ok(());
    }
    let central = context.store.central();
    if !central.write(async |tx| channels::take_ping(tx, channel.id, before, now).await).await? {
        return Ok(());
    }
    let Some(outbound) = context.config.telling.outbound.as_ref() else {
        return note(context, channel, Some("failed to send: this worker has no way out")).await;
    };
    let Ok(url) = channel.target.parse::<Url>() else {
        return note(context, channel, Some("failed to read the channel's URL")).await;
    };
    match ping::send(outbound, &url, Ping::Get, now.to_datetime()).await {
        Ok(_) => note(context, channel, None).await,
        Err(error) => {
            let reason = format!("failed to {}", error.words());
            tracing::warn!(channel = %channel.id, reason, "ping.failed");
            note(context, channel, Some(&reason)).await?;
            if error.is_gone() {
                let switch = async |tx: &mut _| deliver::switch_off(context, tx, channel, now).await;
                central.write(switch).await?;
            }
            Ok(())
        }
    }
}

/// Written when it is another than before.
async fn note(context: &Context, channel: &Channel, error: Option<&str>) -> Result<(), Error> {
    if channel.last_error.as_deref() == error {
        return Ok(());
    }
    let now = context.now();
    context.store.central().write(async |tx| channels::note(tx, channel.id, error, now).await).await?;
    Ok(())
}
