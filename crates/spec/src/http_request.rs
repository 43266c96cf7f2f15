//! One HTTP request that tells a program something.

use serde::{Deserialize, Serialize};

use crate::{Duration, HttpUrl, is_default};

/// A request to the program. An answer of 200 to 299 is good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HttpRequest {
    /// Where the program listens.
    pub url: HttpUrl,
    /// The method.
    #[serde(default, skip_serializing_if = "is_default")]
    pub method: Method,
    /// What is sent, as it stands here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// What kind of text the body is, such as `application/json`.
    #[serde(
        default = "HttpRequest::usual_content_type",
        skip_serializing_if = "HttpRequest::is_usual_content_type"
    )]
    pub content_type: String,
    /// An answer that takes longer is a failure.
    #[serde(default = "HttpRequest::usual_timeout", skip_serializing_if = "HttpRequest::is_usual_timeout")]
    pub timeout: Duration,
}

impl HttpRequest {
    /// Default of `content-type`.
    pub const CONTENT_TYPE: &str = "text/plain; charset=utf-8";
    /// Default of `timeout`.
    pub const TIMEOUT: Duration = Duration::from_secs(5);

    /// A `PUT` of nothing.
    pub fn new(url: HttpUrl) -> Self {
        Self {
            url,
            method: Method::default(),
            body: None,
            content_type: Self::usual_content_type(),
            timeout: Self::TIMEOUT,
        }
    }

    fn usual_content_type() -> String {
        Self::CONTENT_TYPE.to_owned()
    }

    fn is_usual_content_type(text: &String) -> bool {
        text == Self::CONTENT_TYPE
    }

    fn usual_timeout() -> Duration {
        Self::TIMEOUT
    }

    fn is_usual_timeout(timeout: &Duration) -> bool {
        *timeout == Self::TIMEOUT
    }
}

/// What a request wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Set it to the body.
    #[default]
    Put,
    /// Hand over the body.
    Post,
    /// Fetch; without a body.
    Get,
}

impl Method {
    /// The word for it, in a spec and in a request.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Put => "PUT",
            Self::Post => "POST",
            Self::Get => "GET",
        }
    }
}

impl std::fmt::Display for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
