//! The model's sources: each with its items by their keys and its log.

use super::ModelStore;
use super::data::{Data, paged};
use copydesk_core::refusal::Refusal;
use copydesk_core::{ItemId, SourceId, Timestamp, UserId, WorkspaceId};
use copydesk_store::sources::{
    ClaimSources, FETCHES_KEPT, FetchRow, FinishFetch, Found, ItemsOf, NewItem, NewSource, SourceChange, SourceFilter,
    SourceItem, SourceRow, Whose, news, no_source,
};
use copydesk_store::{Answer, Page, PageRequest, Scope, SourceItemStore, SourceStore, StoreError};
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
pub(super) struct Source {
    row: SourceRow,
    items: BTreeMap<String, SourceItem>,
    log: BTreeMap<i64, FetchRow>,
}

impl Source {
    fn shown(&self) -> SourceRow {
        SourceRow { items: self.items.len() as u64, ..self.row.clone() }
    }

    fn put(&mut self, at: Timestamp, items: Vec<NewItem>) -> Found {
        let mut found = Found::default();
        for NewItem { id, key, title, link, text, published_at } in items {
            let (source, source_name) = (self.row.id, String::new());
            let new =
                SourceItem { id, source, source_name, title, link, text, published_at, seen_at: at, last_seen_at: at };
            match self.items.get_mut(&key) {
                None => {
                    found.new += 1;
                    self.items.insert(key, new);
                }
                Some(item) => {
                    let same = (&item.title, &item.link, &item.text) == (&new.title, &new.link, &new.text);
                    found.updated += u32::from(!same);
                    *item = SourceItem { id: item.id, seen_at: item.seen_at, ..new };
                }
            }
        }
        found
    }

    fn told(&self) -> impl Iterator<Item = SourceItem> {
        self.items.values().map(|item| SourceItem { source_name: self.row.name.clone(), ..item.clone() })
    }
}

fn at(item: &SourceItem) -> Timestamp {
    item.published_at.unwrap_or(item.seen_at)
}

fn fits(whose: Option<Whose>, owner: Option<UserId>) -> bool {
    match whose {
        None => true,
        Some(Whose::Everybodys) => owner.is_none(),
        Some(Whose::Own(user)) => owner == Some(user),
        Some(Whose::For(user)) => owner.is_none_or(|owner| owner == user),
    }
}

impl SourceStore for ModelStore {
    fn add_source(&self, new: NewSource) -> Answer<'_, Option<SourceRow>> {
        Box::pin(async move {
            let (mut data, at) = (self.data(), new.row.created_at);
            let (workspace, id) = (new.row.workspace, new.row.id);
            let owner = new.row.owner();
            let his = |source: &&Source| source.row.workspace == workspace && source.row.owner() == owner;
            if !data.sources.contains_key(&id) && data.sources.values().filter(his).count() < new.most as usize {
                let row = SourceRow { revision: 1, ..new.row };
                let mut source = Source { row, items: BTreeMap::new(), log: BTreeMap::new() };
                source.put(at, new.items);
                data.sources.insert(id, source);
            }
            Ok(data.own_source(workspace, id).ok().map(|source| source.shown()))
        })
    }
    fn source(&self, scope: Scope, id: SourceId) -> Answer<'_, SourceRow> {
        Box::pin(async move { self.data().own_source(scope.workspace, id).map(|source| source.shown()) })
    }
    fn sources(&self, scope: Scope, filter: SourceFilter, page: PageRequest) -> Answer<'_, Page<SourceRow>> {
        Box::pin(async move {
            let data = self.data();
            let rows = data.sources.values().map(Source::shown).filter(|row| {
                row.workspace == scope.workspace
                    && fits(filter.whose, row.owner())
                    && filter.kind.is_none_or(|kind| kind == row.kind)
                    && filter.state.is_none_or(|state| state == row.state())
            });
            paged(rows.map(|row| (row.id, row)).collect(), &page)
        })
    }
    fn change_source(&self, change: SourceChange) -> Answer<'_, SourceRow> {
        Box::pin(async move {
            let mut data = self.data();
            let source = data.own_source(change.scope.workspace, change.id)?;
            let row = source.row.clone();
            if row.revision != change.revision {
                return Err(Refusal::VersionConflict { current: row.revision }.into());
            }
            let row = if change.anew {
                let (trouble, trouble_since, etag, last_modified, feed_url) = (None, None, None, None, None);
                let fetched_at = None;
                SourceRow { trouble, trouble_since, etag, last_modified, feed_url, failures: 0, fetched_at, ..row }
            } else {
                row
            };
            source.row = SourceRow {
                fetched_at: if change.text.is_some() { Some(change.at) } else { row.fetched_at },
                name: change.name,
                url: change.url,
                text: change.text,
                schedule: change.schedule,
                next_at: change.next_at,
                paused_at: change.paused_at,
                leased_until: None,
                revision: row.revision + 1,
                updated_at: change.at,
                ..row
            };
            source.put(change.at, change.items);
            Ok(source.shown())
        })
    }
    fn remove_source(&self, scope: Scope, id: SourceId, revision: Option<i64>) -> Answer<'_, ()> {
        Box::pin(async move {
            let mut data = self.data();
            let current = data.own_source(scope.workspace, id)?.row.revision;
            if revision.is_some_and(|revision| revision != current) {
                return Err(Refusal::VersionConflict { current }.into());
            }
            data.sources.remove(&id);
            Ok(())
        })
    }
    fn claim_sources(&self, claim: ClaimSources) -> Answer<'_, Vec<SourceRow>> {
        Box::pin(async move {
            let mut data = self.data();
            let free = |row: &SourceRow| row.leased_until.is_none_or(|until| until <= claim.now);
            let mut due: Vec<&mut Source> = data
                .sources
                .values_mut()
                .filter(|source| {
                    let row = &source.row;
                    let asked = match claim.only {
                        Some((workspace, id)) => row.workspace == workspace && row.id == id && row.url.is_some(),
                        None => row.paused_at.is_none() && row.next_at.is_some_and(|next| next <= claim.now),
                    };
                    asked && free(row)
                })
                .collect();
            due.sort_by_key(|source| source.row.next_at);
            due.truncate(claim.limit as usize);
            let claimed = due.into_iter().map(|source| {
                source.row.leased_until = Some(claim.until);
                source.shown()
            });
            Ok(claimed.collect())
        })
    }
    fn finish_fetch(&self, done: FinishFetch) -> Answer<'_, Option<Found>> {
        Box::pin(async move { Ok(self.data().finish_fetch(done)) })
    }
    fn fetches(&self, scope: Scope, id: SourceId, page: PageRequest) -> Answer<'_, Page<FetchRow>> {
        Box::pin(async move {
            let mut data = self.data();
            let source = data.own_source(scope.workspace, id)?;
            paged(source.log.iter().map(|(number, row)| (*number, row.clone())).collect(), &page)
        })
    }
}

impl SourceItemStore for ModelStore {
    fn source_items(&self, scope: Scope, filter: ItemsOf, page: PageRequest) -> Answer<'_, Page<SourceItem>> {
        Box::pin(async move {
            let data = self.data();
            let own = data.sources.values().filter(|source| {
                source.row.workspace == scope.workspace
                    && fits(filter.whose, source.row.owner())
                    && filter.source.is_none_or(|id| id == source.row.id)
            });
            let items: BTreeMap<ItemId, SourceItem> = own
                .flat_map(Source::told)
                .filter(|item| filter.since.is_none_or(|since| at(item) >= since))
                .map(|item| (item.id, item))
                .collect();
            paged(items.into_iter().collect(), &page)
        })
    }
    fn recent_items(&self, scope: Scope, user: UserId, since: Timestamp, limit: u32) -> Answer<'_, Vec<SourceItem>> {
        Box::pin(async move {
            let data = self.data();
            let own = data.sources.values().filter(|source| {
                source.row.workspace == scope.workspace && fits(Some(Whose::For(user)), source.row.owner())
            });
            let mut items: Vec<SourceItem> = own
                .flat_map(|source| source.told().filter(|item| source.row.text.is_some() || at(item) >= since))
                .collect();
            items.sort_by_key(|item| std::cmp::Reverse((at(item), item.id)));
            items.truncate(limit as usize);
            Ok(items)
        })
    }
    fn forget_items(&self, unseen_since: Timestamp, limit: u32) -> Answer<'_, u64> {
        Box::pin(async move {
            let mut data = self.data();
            let mut old: Vec<(Timestamp, SourceId, String)> = Vec::new();
            for (id, source) in data.sources.iter().filter(|(_, source)| source.row.text.is_none()) {
                let unseen = source.items.iter().filter(|(_, item)| item.last_seen_at < unseen_since);
                old.extend(unseen.map(|(key, item)| (item.last_seen_at, *id, key.clone())));
            }
            old.sort();
            old.truncate(limit as usize);
            for (_, source, key) in &old {
                data.sources.entry(*source).and_modify(|source| drop(source.items.remove(key)));
            }
            Ok(old.len() as u64)
        })
    }
    fn items_to_forget(&self, unseen_since: Timestamp) -> Answer<'_, u64> {
        Box::pin(async move {
            let data = self.data();
            let fetched = data.sources.values().filter(|source| source.row.text.is_none());
            Ok(fetched.flat_map(|source| source.items.values()).filter(|item| item.last_seen_at < unseen_since).count()
                as u64)
        })
    }
}

impl Data {
    fn own_source(&mut self, workspace: WorkspaceId, id: SourceId) -> Result<&mut Source, StoreError> {
        self.sources.get_mut(&id).filter(|source| source.row.workspace == workspace).ok_or_else(|| no_source(id))
    }

    fn finish_fetch(&mut self, done: FinishFetch) -> Option<Found> {
        let source = self.own_source(done.workspace, done.source).ok()?;
        if source.row.leased_until != Some(done.lease) {
            return None;
        }
        let event = news(&source.row, &done);
        let found = source.put(done.at, done.items);
        let row = &mut source.row;
        row.leased_until = None;
        row.fetches += 1;
        row.next_at = Some(done.next_at);
        row.etag = done.etag;
        row.last_modified = done.last_modified;
        row.feed_url = done.feed_url;
        if done.pause {
            row.paused_at.get_or_insert(done.at);
        }
        match &done.trouble {
            Some(_) => {
                row.failures += 1;
                row.trouble_since.get_or_insert(done.at);
            }
            None => {
                (row.failures, row.trouble_since) = (0, None);
                (row.fetched_at, row.new_items) = (Some(done.at), found.new);
            }
        }
        row.trouble.clone_from(&done.trouble);
        let (number, at, ms, status, fetched) = (row.fetches, done.began_at, done.ms, done.status, done.fetched);
        source.log.insert(number, FetchRow { number, at, ms, status, fetched, found, trouble: done.trouble });
        source.log.retain(|old, _| *old > number - FETCHES_KEPT);
        if let Some(event) = event {
            self.announce(event);
        }
        Some(found)
    }
}
