//! One transaction on one pooled connection, its statements sent without waiting for each other's answers. A transaction
//! that is not finished, because its future was dropped or failed, takes its connection with it: the server rolls back.

use crate::failure::{Fault, chain};
use crate::types::{Param, sql};
use copydesk_store::StoreError;
use deadpool_postgres::{Object, Pool};
use futures::TryStreamExt;
use futures::future::join_all;
use std::pin::pin;
use tokio_postgres::error::{DbError, Severity};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};

/// How many statements one [`Tx::send`] may hold: up to here `join_all` polls, and so sends, in order.
const STATEMENTS_MAX: usize = 30;

/// One statement with its parameters.
struct Step<'a> {
    sql: &'static str,
    params: Vec<Param<'a>>,
}

/// Statements to be sent together. `add` answers with the place of the statement's rows in [`Answers`].
#[derive(Default)]
pub struct Steps<'a>(Vec<Step<'a>>);

impl<'a> Steps<'a> {
    pub fn add(&mut self, sql: &'static str, params: Vec<Param<'a>>) -> usize {
        self.0.push(Step { sql, params });
        self.0.len() - 1
    }
}

/// The rows of each statement, in the order of the statements.
pub struct Answers(Vec<Vec<Row>>);

impl Answers {
    /// The rows of the statement that was added as `place`; none if it was not sent at all.
    pub fn rows(&self, place: Option<usize>) -> &[Row] {
        place.and_then(|place| self.0.get(place)).map_or(&[], Vec::as_slice)
    }
    /// The rows of the first statement.
    pub fn into_rows(self) -> Vec<Row> {
        self.0.into_iter().next().unwrap_or_default()
    }
}

/// An open transaction.
pub struct Tx {
    connection: Option<Object>,
    begun: bool,
}

impl Tx {
    /// Takes a connection; BEGIN travels with the first statements.
    pub async fn open(pool: &Pool) -> Result<Tx, Fault> {
        Ok(Tx { connection: Some(pool.get().await?), begun: false })
    }

    /// Sends all steps at once and waits for all answers, which stand in the order of the steps.
    pub async fn send(&mut self, steps: Steps<'_>) -> Result<Answers, Fault> {
        let (rows, failed) = self.exchange(steps, End::Open).await?;
        match failed {
            None => Ok(Answers(rows)),
            Some((_, error)) => {
                if error.as_db_error().is_some() {
                    self.client().batch_execute(sql!("admin/rollback")).await?;
                    self.release();
                }
                Err(error.into())
            }
        }
    }

    /// Sends the last steps and COMMIT together. When a step fails, the server turns COMMIT into ROLLBACK.
    ///
    /// Errors: [`StoreError::CommitUnknown`] when the connection broke with COMMIT under way.
    pub async fn commit(mut self, steps: Steps<'_>) -> Result<Answers, Fault> {
        let last = steps.0.len() + usize::from(!self.begun);
        let (mut rows, failed) = self.exchange(steps, End::Commit).await?;
        match failed {
            None => {
                rows.pop();
                self.release();
                Ok(Answers(rows))
            }
            // An error of a step before COMMIT: the server has rolled back. An error of COMMIT itself counts only when the
            // session goes on; one that ends the session may have come after the commit.
            Some((place, error)) if error.as_db_error().is_some_and(|db| place < last || !ends_session(db)) => {
                self.release();
                Err(error.into())
            }
            Some((_, error)) => Err(StoreError::CommitUnknown(chain(&error)).into()),
        }
    }

    /// Gives the connection back with nothing written.
    pub async fn rollback(mut self) -> Result<(), Fault> {
        if self.begun {
            self.client().batch_execute(sql!("admin/rollback")).await?;
        }
        self.release();
        Ok(())
    }

    fn client(&self) -> &Object {
        self.connection.as_ref().expect("only `release` and `drop` take the connection, and they end the transaction")
    }

    fn release(&mut self) {
        drop(self.connection.take());
    }

    async fn exchange(&mut self, steps: Steps<'_>, end: End) -> Result<Exchanged, Fault> {
        let begin = !std::mem::replace(&mut self.begun, true);
        let mut all = Vec::with_capacity(steps.0.len() + 2);
        if begin {
            all.push(Step { sql: sql!("admin/begin"), params: vec![] });
        }
        all.extend(steps.0);
        if end == End::Commit {
            all.push(Step { sql: sql!("admin/commit"), params: vec![] });
        }
        assert!(all.len() <= STATEMENTS_MAX, "a pipeline of {} statements", all.len());
        let client = self.client();
        let mut prepared = Vec::with_capacity(all.len());
        for step in &all {
            prepared.push(client.prepare_cached(step.sql).await?);
        }
        let running = all.iter().zip(&prepared).map(|(step, statement)| query(client, statement, &step.params));
        let mut rows = Vec::with_capacity(all.len());
        let mut failed = None;
        for (place, answer) in join_all(running).await.into_iter().enumerate() {
            match answer {
                Ok(found) => rows.push(found),
                // What follows the first error is only its echo.
                Err(error) => failed = failed.or(Some((place, error))),
            }
        }
        if begin && !rows.is_empty() {
            rows.remove(0);
        }
        Ok((rows, failed))
    }
}

/// The rows, and the first statement that failed.
type Exchanged = (Vec<Vec<Row>>, Option<(usize, tokio_postgres::Error)>);

fn ends_session(error: &DbError) -> bool {
    !matches!(error.parsed_severity(), Some(Severity::Error))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Open,
    Commit,
}

impl Drop for Tx {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take()
            && self.begun
        {
            drop(Object::take(connection));
        }
    }
}

/// Statements in their order on one connection, each a transaction of its own: each sees what was committed before it
/// began.
pub async fn side_by_side(pool: &Pool, steps: Steps<'_>) -> Result<Answers, Fault> {
    let client = pool.get().await?;
    let mut prepared = Vec::with_capacity(steps.0.len());
    for step in &steps.0 {
        prepared.push(client.prepare_cached(step.sql).await?);
    }
    let running = steps.0.iter().zip(&prepared).map(|(step, statement)| query(&client, statement, &step.params));
    let answers = join_all(running).await.into_iter().collect::<Result<_, _>>()?;
    Ok(Answers(answers))
}

async fn query(
    client: &Object,
    statement: &Statement,
    params: &[Param<'_>],
) -> Result<Vec<Row>, tokio_postgres::Error> {
    client.query(statement, &bound(params)).await
}

fn bound<'p>(params: &'p [Param<'_>]) -> Vec<&'p (dyn ToSql + Sync)> {
    params.iter().map(|param| &**param as &(dyn ToSql + Sync)).collect()
}

/// One statement alone, on a connection of `pool`.
pub async fn read(pool: &Pool, sql: &str, params: Vec<Param<'_>>) -> Result<Vec<Row>, Fault> {
    let client = pool.get().await?;
    let statement = client.prepare_cached(sql).await?;
    Ok(query(&client, &statement, &params).await?)
}

/// The same for an answer of very many rows: each is given to `take` as it comes, and is not kept.
pub async fn read_each(
    pool: &Pool,
    sql: &str,
    params: Vec<Param<'_>>,
    mut take: impl FnMut(&Row) -> Result<(), StoreError>,
) -> Result<(), Fault> {
    let client = pool.get().await?;
    let statement = client.prepare_cached(sql).await?;
    let mut rows = pin!(client.query_raw(&statement, bound(&params)).await?);
    while let Some(row) = rows.try_next().await? {
        take(&row)?;
    }
    Ok(())
}
