//! The plan: which points stay, and why.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::bucket::Span;
use super::{Decision, Point, Policy, Reason};
use crate::schedule::Zone;

/// Decides about all points of *one* database, newest first in the answer, whatever their order here.
///
/// The newest verified one and pinned ones stay under any policy, and so does each whose artefact another needs that stays.
pub fn plan(policy: &Policy, zone: Zone, points: &[Point], now: DateTime<Utc>) -> Vec<Decision> {
    let mut points: Vec<&Point> = points.iter().collect();
    points.sort_unstable_by_key(|point| std::cmp::Reverse((point.at, point.id)));
    let mut reasons: Vec<Vec<Reason>> = vec![Vec::new(); points.len()];
    keep_last(policy, &points, &mut reasons);
    for span in Span::ALL {
        keep_newest_of_each(span, policy, zone, &points, &mut reasons);
    }
    drop_aged(policy, &points, &mut reasons, now);
    keep_newest_verified(&points, &mut reasons);
    keep_unproven(policy, &points, &mut reasons, now);
    keep_pinned(&points, &mut reasons);
    keep_referenced(&points, &mut reasons);
    let decision = |(point, keep): (&Point, _)| Decision { id: point.id, artefact: point.artefact, keep };
    points.into_iter().zip(reasons).map(decision).collect()
}

fn keep_last(policy: &Policy, points: &[&Point], reasons: &mut [Vec<Reason>]) {
    let countable = points.iter().zip(reasons).filter(|(point, _)| point.countable);
    for (rank, (_, keep)) in (1..=policy.keep_last.min(Policy::MOST)).zip(countable) {
        keep.push(Reason::Last(rank));
    }
}

fn keep_newest_of_each(span: Span, policy: &Policy, zone: Zone, points: &[&Point], reasons: &mut [Vec<Reason>]) {
    let most = span.kept(policy);
    let mut seen = HashSet::with_capacity(most);
    for (point, keep) in points.iter().zip(reasons).filter(|(point, _)| point.countable) {
        if seen.len() == most {
            return;
        }
        let bucket = span.bucket(zone, point.at);
        if seen.insert(bucket) {
            keep.push(bucket.into());
        }
    }
}

fn drop_aged(policy: &Policy, points: &[&Point], reasons: &mut [Vec<Reason>], now: DateTime<Utc>) {
    for (_, keep) in points.iter().zip(reasons).filter(|(point, _)| is_aged(policy, point, now)) {
        keep.clear();
    }
}

fn is_aged(policy: &Policy, point: &Point, now: DateTime<Utc>) -> bool {
    policy.max_age().is_some_and(|most| now - point.at > most)
}

fn keep_newest_verified(points: &[&Point], reasons: &mut [Vec<Reason>]) {
    if let Some((_, keep)) = points.iter().zip(reasons).find(|(point, _)| point.countable) {
        keep.push(Reason::NewestVerified);
    }
}

/// What is not verified stays while verified ones as old do, since it may be the only trace of what went wrong. Where none is
/// verified, only age removes it.
fn keep_unproven(policy: &Policy, points: &[&Point], reasons: &mut [Vec<Reason>], now: DateTime<Utc>) {
    let within = reasons.iter().rposition(|keep| !keep.is_empty()).unwrap_or(points.len());
    for (point, keep) in points.iter().zip(reasons).take(within) {
        if !point.countable && !is_aged(policy, point, now) {
            keep.push(Reason::Unproven);
        }
    }
}

fn keep_pinned(points: &[&Point], reasons: &mut [Vec<Reason>]) {
    for (_, keep) in points.iter().zip(reasons).filter(|(point, _)| point.pinned) {
        keep.push(Reason::Pinned);
    }
}

/// Follows each point that stays to the one whose artefact it is, and that one further.
fn keep_referenced(points: &[&Point], reasons: &mut [Vec<Reason>]) {
    let places: HashMap<Uuid, usize> = points.iter().enumerate().map(|(place, point)| (point.id, place)).collect();
    let mut named = vec![false; points.len()];
    // An artefact takes the name of the first that needs it, and each is named once, so this ends.
    for start in 0..points.len() {
        let mut place = start;
        while !reasons[place].is_empty() && points[place].artefact != points[place].id {
            let Some(&owner) = places.get(&points[place].artefact) else { break };
            if std::mem::replace(&mut named[owner], true) {
                break;
            }
            reasons[owner].push(Reason::ReferencedBy(points[place].id));
            place = owner;
        }
    }
}
