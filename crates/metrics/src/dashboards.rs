//! Grafana dashboards as code: the classic form of JSON, which every Grafana imports.
//!
//! `dashboards/*.json` are made from here, and a test holds them to it. The data source is the variable `${ds}`, so that
//! nothing has to be edited.

mod host;
mod service;

use serde_json::{Value, json};

/// The variable that stands for the data source.
const SOURCE: &str = "${ds}";

/// A dashboard.
#[derive(Clone, Debug, PartialEq)]
pub struct Dashboard {
    /// Its file, and its identity in Grafana.
    pub name: &'static str,
    title: &'static str,
    variables: Vec<Variable>,
    rows: Vec<Row>,
}

/// A choice at the top of a dashboard, of the values of a label.
#[derive(Clone, Debug, PartialEq)]
struct Variable {
    name: &'static str,
    label: &'static str,
    /// The series whose label is meant, and the label.
    series: &'static str,
    values_of: &'static str,
    /// Several, or all, may be chosen.
    several: bool,
}

#[derive(Clone, Debug, PartialEq)]
struct Row {
    title: &'static str,
    /// How many of the 24 columns each panel takes, and how many lines.
    width: u32,
    height: u32,
    panels: Vec<Panel>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// One number.
    Stat,
    /// Lines over time.
    Lines,
    /// A table of what is now.
    Table,
}

impl Look {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Stat => "stat",
            Self::Lines => "timeseries",
            Self::Table => "table",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Panel {
    title: &'static str,
    look: Look,
    unit: &'static str,
    /// Queries in PromQL, each with what its lines are called.
    queries: Vec<(&'static str, &'static str)>,
    /// From which value on it is red; below that it is green.
    red_from: Option<u32>,
}

impl Panel {
    const fn new(title: &'static str, look: Look, unit: &'static str) -> Self {
        Self { title, look, unit, queries: Vec::new(), red_from: None }
    }

    fn query(mut self, expression: &'static str, legend: &'static str) -> Self {
        self.queries.push((expression, legend));
        self
    }

    fn red_from(self, value: u32) -> Self {
        Self { red_from: Some(value), ..self }
    }

    fn json(&self, id: u32, (x, y, width, height): (u32, u32, u32, u32)) -> Value {
        let targets: Vec<Value> = ('A'..='Z')
            .zip(&self.queries)
            .map(|(letter, (expression, legend))| {
                json!({
                    "datasource": source(),
                    "expr": expression,
                    "format": if self.look == Look::Table { "table" } else { "time_series" },
                    "instant": self.look != Look::Lines,
                    "legendFormat": legend,
                    "range": self.look == Look::Lines,
                    "refId": letter.to_string(),
                })
            })
            .collect();
        let mut steps = vec![json!({ "color": "green", "value": null })];
        steps.extend(self.red_from.map(|value| json!({ "color": "red", "value": value })));
        json!({
            "datasource": source(),
            "fieldConfig": {
                "defaults": {
                    "color": { "mode": if self.look == Look::Lines { "palette-classic" } else { "thresholds" } },
                    "thresholds": { "mode": "absolute", "steps": steps },
                    "unit": self.unit,
                },
                "overrides": [],
            },
            "gridPos": { "h": height, "w": width, "x": x, "y": y },
            "id": id,
            "options": self.options(),
            "targets": targets,
            "title": self.title,
            "type": self.look.as_str(),
        })
    }

    fn options(&self) -> Value {
        match self.look {
            Look::Stat => json!({
                "colorMode": "value",
                "graphMode": "area",
                "reduceOptions": { "calcs": ["lastNotNull"], "fields": "", "values": false },
            }),
            Look::Lines => json!({
                "legend": { "calcs": ["lastNotNull"], "displayMode": "list", "placement": "bottom", "showLegend": true },
                "tooltip": { "mode": "multi", "sort": "desc" },
            }),
            Look::Table => json!({ "showHeader": true }),
        }
    }
}

fn source() -> Value {
    json!({ "type": "prometheus", "uid": SOURCE })
}

impl Variable {
    fn json(&self) -> Value {
        let query = format!("label_values({}, {})", self.series, self.values_of);
        json!({
            "current": {},
            "datasource": source(),
            "definition": query,
            "hide": 0,
            "includeAll": self.several,
            "label": self.label,
            "multi": self.several,
            "name": self.name,
            "options": [],
            "query": { "qryType": 1, "query": query, "refId": self.name },
            "refresh": 2,
            "regex": "",
            "sort": 1,
            "type": "query",
        })
    }
}

impl Dashboard {
    /// The dashboard as Grafana imports it.
    #[must_use]
    pub fn json(&self) -> Value {
        let mut list = vec![json!({
            "current": {},
            "hide": 0,
            "includeAll": false,
            "label": "Data source",
            "multi": false,
            "name": "ds",
            "options": [],
            "query": "prometheus",
            "refresh": 1,
            "regex": "",
            "type": "datasource",
        })];
        list.extend(self.variables.iter().map(Variable::json));
        json!({
            "annotations": { "list": [] },
            "description": "Made from crates/metrics of Abide.",
            "editable": true,
            "graphTooltip": 1,
            "id": null,
            "links": [{
                "asDropdown": false,
                "icon": "external link",
                "includeVars": true,
                "keepTime": true,
                "tags": ["abide"],
                "title": "Abide",
                "type": "dashboards",
            }],
            "panels": self.panels(),
            "refresh": "30s",
            "schemaVersion": 39,
            "tags": ["abide"],
            "templating": { "list": list },
            "time": { "from": "now-6h", "to": "now" },
            "timezone": "",
            "title": self.title,
            "uid": self.name,
            "version": 1,
        })
    }

    fn panels(&self) -> Vec<Value> {
        let (mut panels, mut y) = (Vec::new(), 0);
        for row in &self.rows {
            let id = panels.len() as u32 + 1;
            panels.push(json!({
                "collapsed": false,
                "gridPos": { "h": 1, "w": 24, "x": 0, "y": y },
                "id": id,
                "panels": [],
                "title": row.title,
                "type": "row",
            }));
            y += 1;
            let mut x = 0;
            for panel in &row.panels {
                if x + row.width > 24 {
                    (x, y) = (0, y + row.height);
                }
                let id = panels.len() as u32 + 1;
                panels.push(panel.json(id, (x, y, row.width, row.height)));
                x += row.width;
            }
            y += row.height;
        }
        panels
    }

    /// Every query of it, with the variables and intervals of Grafana in them.
    #[must_use]
    pub fn queries(&self) -> Vec<&'static str> {
        let panels = self.rows.iter().flat_map(|row| &row.panels);
        panels.flat_map(|panel| &panel.queries).map(|(expression, _)| *expression).collect()
    }

    /// The series that its variables are read from.
    #[must_use]
    pub fn variable_series(&self) -> Vec<&'static str> {
        self.variables.iter().map(|variable| variable.series).collect()
    }
}

/// All dashboards.
#[must_use]
pub fn all() -> Vec<Dashboard> {
    vec![host::dashboard(), service::dashboard()]
}
