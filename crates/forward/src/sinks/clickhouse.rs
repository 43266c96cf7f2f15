//! ClickHouse over HTTP: rows for the table `otel_logs` of OpenTelemetry's exporter, in `RowBinary`, which carries every byte.

use std::time::Duration;

use super::http::{Answer, Client, Coding, Scheme};
use super::{OpenError, attributes};
use crate::config::SinkConfig;
use crate::sink::{Batch, Limits, SendError, Sent, Sink};

mod rows;
mod table;

use table::Column;

/// What ClickHouse calls its errors. These are the batch's own fault; whatever else is wrong can be put right.
mod code {
    pub(super) const TOO_LARGE_STRING_SIZE: u32 = 131;
    pub(super) const UNKNOWN_TABLE: u32 = 60;
    pub(super) const VIOLATED_CONSTRAINT: u32 = 469;
}

/// Inserts into a table.
#[derive(Debug)]
pub(super) struct ClickHouse {
    client: Client,
    database: Option<String>,
    table: String,
    create: bool,
    /// The columns to fill, once the table has told what it has.
    columns: Option<Vec<Column>>,
    body: Vec<u8>,
}

impl ClickHouse {
    pub(super) fn open(config: &SinkConfig) -> Result<Self, OpenError> {
        Ok(Self {
            client: Client::open(config, "", Scheme::ClickHouse, Coding::Zstd)?,
            database: config.database.clone(),
            table: config.table.clone().unwrap_or_else(|| "otel_logs".into()),
            create: config.create_table,
            columns: None,
            body: Vec::new(),
        })
    }

    /// The table's name, as a query has it.
    fn table(&self) -> String {
        match &self.database {
            Some(database) => format!("`{database}`.`{}`", self.table),
            None => format!("`{}`", self.table),
        }
    }

    /// Asks for something, with a body or without.
    fn ask(&mut self, query: &str, settings: &str, body: &[u8]) -> Result<Answer, Refused> {
        let content = if body.is_empty() { "" } else { "application/octet-stream" };
        // Without the last setting it could say 200 and fail later.
        let query = format!("query={}{settings}&wait_end_of_query=1", escaped(query));
        let answer = self.client.post(&query, content, body).map_err(Refused::unsaid)?;
        let code = answer.header("x-clickhouse-exception-code").and_then(|code| code.parse().ok());
        if answer.is_good() && code.is_none() { Ok(answer) } else { Err(self.refused(&answer, code)) }
    }

    fn refused(&self, answer: &Answer, code: Option<u32>) -> Refused {
        let told = answer.excerpt();
        let shown = format!("{}: {}", self.client.shown(), if told.is_empty() { "refused" } else { &told });
        let error = match code {
            Some(code::VIOLATED_CONSTRAINT) => {
                // Behind this it shows the values.
                let told = told.split(" is violated").next().unwrap_or_default();
                SendError::reject(format!("{}: {told} is violated", self.client.shown()))
            }
            Some(code::TOO_LARGE_STRING_SIZE) => SendError::reject(shown),
            Some(_) => SendError::retry(shown),
            None if answer.status == 500 => SendError::retry(shown),
            None => self.client.refusal(answer, &told),
        };
        Refused { code, error }
    }

    /// Learns what the table has, and makes it if that is wanted.
    fn look(&mut self) -> Result<Vec<Column>, SendError> {
        let describe = format!("DESCRIBE TABLE {} FORMAT TabSeparated", self.table());
        let answer = match self.ask(&describe, "", b"") {
            Err(refused) if refused.code == Some(code::UNKNOWN_TABLE) => {
                if !self.create {
                    let why = format!(
                        "{}: there is no table {}; create it, or set create-table = true",
                        self.client.shown(),
                        self.table()
                    );
                    return Err(SendError::retry(why));
                }
                self.ask(&table::definition(&self.table()), "", b"").map_err(|refused| refused.error)?;
                self.ask(&describe, "", b"").map_err(|refused| refused.error)?
            }
            other => other.map_err(|refused| refused.error)?,
        };
        let told = String::from_utf8_lossy(&answer.body);
        table::columns(&told).map_err(|why| {
            SendError::retry(format!("{}: table {}: {why}", self.client.shown(), self.table()))
        })
    }
}

/// A request that was refused, and by which error of ClickHouse's.
struct Refused {
    code: Option<u32>,
    error: SendError,
}

impl Refused {
    fn unsaid(error: SendError) -> Self {
        Self { code: None, error }
    }
}

impl Sink for ClickHouse {
    fn limits(&self) -> Limits {
        // Each insert makes a part on the disk: few large ones are what it likes.
        Limits { records: 50_000, bytes: 8 << 20, age: Duration::from_secs(1) }
    }

    fn send(&mut self, batch: &Batch) -> Result<Sent, SendError> {
        let columns = match self.columns.take() {
            Some(columns) => columns,
            None => self.look()?,
        };
        let mut body = std::mem::take(&mut self.body);
        body.clear();
        rows::encode(&mut body, batch, &columns);
        let names: Vec<_> = columns.iter().map(|column| column.name()).collect();
        let query = format!("INSERT INTO {} ({}) FORMAT RowBinary", self.table(), names.join(", "));
        let settings = format!(
            "&async_insert=0&insert_deduplicate=1&insert_deduplication_token={}",
            attributes::token(batch)
        );
        let sent = self.ask(&query, &settings, &body);
        self.body = body;
        match sent {
            Ok(_) => {
                self.columns = Some(columns);
                Ok(Sent::default())
            }
            // The table may have been changed: it is looked at again before the next insert.
            Err(refused) => Err(refused.error),
        }
    }
}

/// A text as part of an address.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn queries_pass_through_an_address() {
        assert_eq!(super::escaped("A b`=&é"), "A%20b%60%3D%26%C3%A9");
    }
}
