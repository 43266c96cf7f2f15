//! The table of OpenTelemetry's exporter, in its older and its newer shape: which of its columns are filled, and how.

/// A column that is filled. The others keep their defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    /// `DateTime64` with so many digits behind the second.
    Timestamp(u32),
    /// `DateTime`, where the table does not work it out by itself.
    TimestampTime,
    SeverityText,
    /// A number of so many bytes.
    SeverityNumber(usize),
    ServiceName,
    Body,
    ResourceAttributes,
    ScopeName,
    ScopeVersion,
    LogAttributes,
    EventName,
}

impl Column {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Timestamp(_) => "Timestamp",
            Self::TimestampTime => "TimestampTime",
            Self::SeverityText => "SeverityText",
            Self::SeverityNumber(_) => "SeverityNumber",
            Self::ServiceName => "ServiceName",
            Self::Body => "Body",
            Self::ResourceAttributes => "ResourceAttributes",
            Self::ScopeName => "ScopeName",
            Self::ScopeVersion => "ScopeVersion",
            Self::LogAttributes => "LogAttributes",
            Self::EventName => "EventName",
        }
    }
}

/// Those without which the table is another one.
const NEEDED: [&str; 3] = ["Timestamp", "ServiceName", "Body"];

/// The columns to fill in a table, from what `DESCRIBE TABLE` says of it: name, type and kind of default on a line.
pub(super) fn columns(described: &str) -> Result<Vec<Column>, String> {
    let mut found = Vec::new();
    for line in described.lines() {
        let mut words = line.split('\t');
        let (Some(name), Some(kind)) = (words.next(), words.next()) else { continue };
        let default = words.next().unwrap_or_default();
        if matches!(default, "MATERIALIZED" | "ALIAS") {
            continue;
        }
        let kind = bare(&kind.replace("\\'", "'"));
        let column = match name {
            "Timestamp" => digits(&kind).map(Column::Timestamp),
            "TimestampTime" if !default.is_empty() => continue,
            "TimestampTime" => is(&kind, "DateTime").then_some(Column::TimestampTime),
            "SeverityText" => text(&kind, Column::SeverityText),
            "SeverityNumber" => whole(&kind).map(Column::SeverityNumber),
            "ServiceName" => text(&kind, Column::ServiceName),
            "Body" => text(&kind, Column::Body),
            "ResourceAttributes" => map(&kind, Column::ResourceAttributes),
            "ScopeName" => text(&kind, Column::ScopeName),
            "ScopeVersion" => text(&kind, Column::ScopeVersion),
            "LogAttributes" => map(&kind, Column::LogAttributes),
            "EventName" => text(&kind, Column::EventName),
            _ => continue,
        };
        found.push(column.ok_or_else(|| {
            format!("its column {name} is a {kind}, as OpenTelemetry's exporter never makes it; use a table of its own")
        })?);
    }
    match NEEDED.iter().find(|needed| !found.iter().any(|column| column.name() == **needed)) {
        None => Ok(found),
        Some(missing) => {
            Err(format!("it has no column {missing}; use a table as OpenTelemetry's exporter makes it"))
        }
    }
}

/// A type without what makes no difference to how it is written.
fn bare(kind: &str) -> String {
    let kind = kind.replace(' ', "");
    match kind.split_once("LowCardinality(String)") {
        Some((before, after)) => bare(&format!("{before}String{after}")),
        None => kind,
    }
}

fn is(kind: &str, name: &str) -> bool {
    kind == name || kind.strip_prefix(name).is_some_and(|rest| rest.starts_with('('))
}

fn text(kind: &str, column: Column) -> Option<Column> {
    (kind == "String").then_some(column)
}

fn map(kind: &str, column: Column) -> Option<Column> {
    (kind == "Map(String,String)").then_some(column)
}

/// How many bytes a whole number has.
fn whole(kind: &str) -> Option<usize> {
    match kind {
        "UInt8" | "Int8" => Some(1),
        "UInt16" | "Int16" => Some(2),
        "UInt32" | "Int32" => Some(4),
        "UInt64" | "Int64" => Some(8),
        _ => None,
    }
}

/// Digits behind the second: of `DateTime64(9)`, `DateTime64(9,'UTC')`.
fn digits(kind: &str) -> Option<u32> {
    let inside = kind.strip_prefix("DateTime64(")?.strip_suffix(')')?;
    inside.split(',').next()?.parse().ok().filter(|digits| *digits <= 9)
}

/// Makes the table, in the newer shape. Its indexes are those that every version of ClickHouse has. The last setting is what
/// makes a batch that is sent twice arrive once.
pub(super) fn definition(table: &str) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {table} (
    Timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
    TraceId String CODEC(ZSTD(1)),
    SpanId String CODEC(ZSTD(1)),
    TraceFlags UInt8,
    SeverityText LowCardinality(String) CODEC(ZSTD(1)),
    SeverityNumber UInt8,
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    Body String CODEC(ZSTD(1)),
    ResourceSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ScopeName String CODEC(ZSTD(1)),
    ScopeVersion LowCardinality(String) CODEC(ZSTD(1)),
    ScopeAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    LogAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    EventName String CODEC(ZSTD(1)),
    INDEX idx_res_attr_key mapKeys(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_res_attr_value mapValues(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_log_attr_key mapKeys(LogAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_log_attr_value mapValues(LogAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_body Body TYPE tokenbf_v1(32768, 3, 0) GRANULARITY 8
) ENGINE = MergeTree
PARTITION BY toDate(Timestamp)
ORDER BY (toStartOfFiveMinutes(Timestamp), ServiceName, Timestamp)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 1000"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "Timestamp\tDateTime64(9)\t\t\nTimestampTime\tDateTime\tDEFAULT\ttoDateTime(Timestamp)\n\
        TraceId\tString\t\t\nSeverityText\tLowCardinality(String)\t\t\nSeverityNumber\tUInt8\t\t\n\
        ServiceName\tLowCardinality(String)\t\t\nBody\tString\t\t\n\
        ResourceAttributes\tMap(LowCardinality(String), String)\t\t\nScopeName\tString\t\t\n\
        LogAttributes\tMap(LowCardinality(String), String)\t\t\nmine\tInt32\tMATERIALIZED\t1\n";

    #[test]
    fn both_shapes_and_odd_ones_are_understood() {
        use Column::*;
        let old = columns(OLD).unwrap();
        let expected = [
            Timestamp(9),
            SeverityText,
            SeverityNumber(1),
            ServiceName,
            Body,
            ResourceAttributes,
            ScopeName,
            LogAttributes,
        ];
        assert_eq!(old, expected);
        let odd = "Timestamp\tDateTime64(6, \\'UTC\\')\t\nTimestampTime\tDateTime(\\'UTC\\')\t\nServiceName\tString\t\n\
            Body\tString\t\nEventName\tString\t\nSeverityNumber\tInt32\t\n";
        assert_eq!(
            columns(odd).unwrap(),
            [Timestamp(6), TimestampTime, ServiceName, Body, EventName, SeverityNumber(4)]
        );
    }

    #[test]
    fn another_table_is_told_from_ours() {
        assert!(columns("id\tUInt64\t\n").unwrap_err().contains("no column Timestamp"));
        let other = OLD.replace("Body\tString", "Body\tArray(String)");
        assert!(columns(&other).unwrap_err().contains("Body is a Array(String)"));
    }
}
