//! Room in the data directory and on the shelf.

use chiliview_notify::{Fact, Kind, Notice};
use chiliview_store::{Error, Tx, conditions};

use super::{holding, over};
use crate::{
    context::Context,
    tell::{self, About},
};

/// Room is there again when there is so much more than too little: what goes up and down a little is not told each time.
const AGAIN: (u64, u64) = (5, 4);

/// A place that may run out of room.
struct Place {
    subject: &'static str,
    path: String,
    free: u64,
}

pub(super) async fn look(context: &Context) -> Result<(), Error> {
    let places = places(context).await?;
    let before = holding(context, Kind::DiskLow).await?;
    let low = context.config.lookout.disk_low;
    for place in &places {
        let was_low = before.contains_key(place.subject);
        if !was_low && place.free < low {
            context.store.central().write(async |tx| began(context, tx, place).await).await?;
        }
        if was_low && place.free >= (low / AGAIN.1).saturating_mul(AGAIN.0) {
            context.store.central().write(async |tx| ended(context, tx, place).await).await?;
        }
    }
    Ok(())
}

/// A shelf that cannot be asked now has other ways to say so, and one without a bound never runs out.
async fn places(context: &Context) -> Result<Vec<Place>, Error> {
    let directory = context.store.data_dir();
    let data =
        Place { subject: "disk:data", path: directory.root().display().to_string(), free: directory.free_bytes()? };
    let mut places = vec![data];
    match context.shelf.free_bytes().await {
        Ok(Some(free)) => places.push(Place { subject: "disk:shelf", path: context.shelf.to_string(), free }),
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, "lookout.shelf_not_measured"),
    }
    Ok(places)
}

async fn began(context: &Context, tx: &mut Tx, place: &Place) -> Result<(), Error> {
    let now = context.now();
    if !conditions::begin(tx, place.subject, Kind::DiskLow.name(), now).await? {
        return Ok(());
    }
    let notice = Notice::new(Kind::DiskLow, now.to_datetime());
    tell::raise(context, tx, about(place), measured(notice, place)).await
}

async fn ended(context: &Context, tx: &mut Tx, place: &Place) -> Result<(), Error> {
    let Some(since) = conditions::end(tx, place.subject).await? else { return Ok(()) };
    let notice = over(Kind::DiskRecovered, context.now(), since);
    tell::raise(context, tx, about(place), measured(notice, place)).await
}

fn measured(notice: Notice, place: &Place) -> Notice {
    notice.fact(Fact::Path, &place.path).fact(Fact::Free, &format!("{} MiB", place.free >> 20))
}

fn about(place: &Place) -> About {
    About { subject: place.subject.to_owned(), tenant: None, page: String::new() }
}
