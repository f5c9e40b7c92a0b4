//! CSV in and out (RFC 4180): UTF-8, one header row, streamed a page at a time.
//!
//! A spreadsheet runs a cell that begins with `= + - @`, tab or a line's end as a formula, whoever wrote it. So such a
//! cell is written with a `'` in front, which spreadsheets take for "this is text" (OWASP, CSV Injection), and so is one
//! that begins with `'` itself; reading takes that one `'` off again, and every text comes back as it went.

use std::{borrow::Cow, io};

use bytes::Bytes;
use chiliview_store::paging::Cursor;
use futures::{Stream, StreamExt, future::BoxFuture, stream};
use http::header;
use poem::{Body, IntoResponse, Request, RequestBody, Response};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions,
    payload::{Binary, Payload},
    registry::{MetaHeader, MetaMediaType, MetaRequest, MetaResponse, MetaResponses, Registry},
    types::Type,
};

use crate::{
    attachment::disposition,
    edge::body::{self, BodyLimit, Whole},
    problem::Problem,
};

const CSV: &str = "text/csv; charset=utf-8";
/// What a CSV body may be called. Some browsers on Windows name it after the spreadsheet.
const TAKEN: [&str; 4] = ["text/csv", "application/octet-stream", "text/plain", "application/vnd.ms-excel"];
const LONGEST_BODY: u64 = 16 << 20;
/// Rows that are read in one transaction; between two pages of an export nothing is held.
pub(crate) const PAGE: i64 = 500;

fn begins_like_a_formula(cell: &str) -> bool {
    cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\''])
}

/// The cell as a spreadsheet may see it.
pub(crate) fn guard(cell: &str) -> Cow<'_, str> {
    if begins_like_a_formula(cell) { Cow::Owned(format!("'{cell}")) } else { Cow::Borrowed(cell) }
}

/// The text that [`guard`] was given.
pub(crate) fn unguard(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|text| begins_like_a_formula(text)).unwrap_or(cell)
}

/// 200 with a CSV file to save.
pub(crate) struct CsvFile {
    name: String,
    body: Body,
}

impl CsvFile {
    /// `fetch` reads the page behind a cursor, [`PAGE`] rows at most, `cursor` says where a row stands, `cells` what is
    /// written of it. The first page is read before anything is answered: what fails there is still a problem.
    pub(crate) async fn paged<R: Send + Sync + 'static>(
        name: String,
        columns: &[&str],
        fetch: impl Fn(Option<Cursor>) -> BoxFuture<'static, Result<Vec<R>, Problem>> + Send + 'static,
        cursor: impl Fn(&R) -> Cursor + Send + 'static,
        cells: impl Fn(&R) -> Vec<String> + Send + 'static,
    ) -> Result<Self, Problem> {
        let first = fetch(None).await?;
        let head = columns.iter().map(|&column| column.to_owned()).collect();
        let head = encode(std::iter::once(head))?;
        let rest = stream::try_unfold(Some(first), move |page| {
            let written = page.map(|rows| {
                let next = rows.last().filter(|_| rows.len() as i64 >= PAGE).map(&cursor);
                (encode(rows.iter().map(&cells)), next.map(|cursor| fetch(Some(cursor))))
            });
            async move {
                let Some((bytes, next)) = written else { return Ok(None) };
                let next = match next {
                    Some(fetching) => Some(fetching.await?),
                    None => None,
                };
                Ok::<_, Problem>(Some((bytes?, next)))
            }
        });
        Ok(Self { name, body: body_of(stream::iter([Ok(head)]).chain(rest)) })
    }
}

/// What fails after the first page cannot be answered any more: the body breaks off, which no client takes for a whole file.
fn body_of(pages: impl Stream<Item = Result<Bytes, Problem>> + Send + 'static) -> Body {
    Body::from_bytes_stream(pages.map(|page| page.map_err(io::Error::other)))
}

fn encode(rows: impl Iterator<Item = Vec<String>>) -> Result<Bytes, Problem> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        let cells = row.iter().map(|cell| guard(cell));
        writer.write_record(cells.map(|cell| cell.into_owned())).map_err(Problem::internal)?;
    }
    let bytes = writer.into_inner().map_err(|error| Problem::internal(error.to_string()))?;
    Ok(bytes.into())
}

impl IntoResponse for CsvFile {
    fn into_response(self) -> Response {
        let name = format!("{}.csv", self.name);
        Response::builder().content_type(CSV).header(header::CONTENT_DISPOSITION, disposition(&name)).body(self.body)
    }
}

impl ApiResponse for CsvFile {
    fn meta() -> MetaResponses {
        let disposition = MetaHeader {
            name: "Content-Disposition".to_owned(),
            description: Some("A name for the file".to_owned()),
            required: true,
            deprecated: false,
            schema: String::schema_ref(),
        };
        MetaResponses {
            responses: vec![MetaResponse {
                description: "A CSV file",
                status: Some(200),
                status_range: None,
                content: vec![MetaMediaType { content_type: CSV, schema: String::schema_ref() }],
                headers: vec![disposition],
            }],
        }
    }

    fn register(_registry: &mut Registry) {}
}

/// A CSV file that a client sends, not read yet: the handler first makes sure that the caller may. The document calls
/// it `application/octet-stream`, the one name for it that every client generator can write.
pub(crate) struct CsvUpload {
    body: Body,
    limit: Option<BodyLimit>,
}

impl CsvUpload {
    /// The whole file, up to 16 MiB.
    pub(crate) async fn read(self) -> Result<Whole, Problem> {
        if let Some(limit) = &self.limit {
            limit.raise(LONGEST_BODY);
        }
        body::read_all(self.body, self.limit.as_ref()).await
    }
}

impl<'a> ApiExtractor<'a> for CsvUpload {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(_registry: &mut Registry) {}

    fn request_meta() -> Option<MetaRequest> {
        let media =
            MetaMediaType { content_type: Binary::<Bytes>::CONTENT_TYPE, schema: Binary::<Bytes>::schema_ref() };
        Some(MetaRequest {
            description: Some("CSV in UTF-8; `text/csv` is taken too"),
            content: vec![media],
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let essence = request.content_type().unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if !TAKEN.iter().any(|taken| taken.eq_ignore_ascii_case(essence)) {
            return Err(Problem::unsupported_media_type("text/csv").into());
        }
        Ok(Self { body: body.take()?, limit: request.data::<BodyLimit>().cloned() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_cell_that_a_spreadsheet_would_run_is_guarded_and_others_are_not() {
        for formula in ["=1+1", "+49 30", "-1", "@SUM(A1)", "\tx", "\r\nx"] {
            assert_eq!(guard(formula), format!("'{formula}"));
        }
        assert_eq!(guard("Müller, \"Söhne\" & Co"), "Müller, \"Söhne\" & Co");
        assert_eq!(unguard("'s Gravenhage"), "'s Gravenhage");
    }

    #[test]
    fn rows_are_written_as_the_rfc_says() {
        let rows = [vec!["a,b".to_owned(), "say \"hi\"".into()], vec!["ä\nö".into(), String::new()]];
        let bytes = encode(rows.into_iter()).unwrap();
        assert_eq!(bytes, "\"a,b\",\"say \"\"hi\"\"\"\r\n\"ä\nö\",\r\n");
    }

    proptest! {
        #[test]
        fn every_cell_comes_back_as_it_went(cell in "['=+@\\-\\t\\r\\n]{0,3}\\PC{0,9}") {
            let written = guard(&cell);
            prop_assert_eq!(unguard(&written), &cell);
        }
    }
}
