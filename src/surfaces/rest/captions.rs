//! Texts for images of a run: shown with what was decided about them, as JSON and as a table; decided on; written into
//! their files.

use std::collections::BTreeMap;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use crate::auth::Caller;
use crate::domain::caption::csv;
use crate::domain::ids::RunId;
use crate::service::Service;
use crate::service::captions::{CaptionsView, DECISIONS_MAX, Wish};
use crate::surfaces::http::body::{Fields, JsonBody};
use crate::surfaces::http::problem::Problem;
use crate::surfaces::http::query::{NoQuery, Query};
use crate::surfaces::rest::files::tail_of;
use crate::surfaces::rest::runs::run_id;
use crate::surfaces::rest::wire::encoded_path;

/// `GET /api/runs/{id}/captions`
pub async fn show(
    service: web::Data<Service>,
    caller: Caller,
    id: web::Path<String>,
    _: NoQuery,
) -> Result<HttpResponse, Problem> {
    let view = service.captions(caller, run_id(&id)?).await?;
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(document(&view)))
}

fn document(view: &CaptionsView) -> Value {
    let run = view.run.id;
    let images: Vec<Value> = view
        .results
        .images
        .iter()
        .map(|image| {
            let mut document = json!(image);
            let decision = view.decisions.get(&image.item);
            document["status"] = json!(if image.problem.is_some() { "failed" } else { "described" });
            document["decision"] = json!(decision);
            document["text"] = json!(view.text(image));
            let item = encoded_path(&image.item);
            document["image_url"] =
                json!((!image.sha256.is_empty()).then(|| format!("/api/runs/{run}/inputs/{item}")));
            document["preview_url"] = json!(
                image.preview.as_ref().map(|path| format!("/api/runs/{run}/files/{}", encoded_path(path)))
            );
            document["described_url"] =
                json!(image.alt_text.as_ref().map(|_| format!("/api/runs/{run}/described/{item}")));
            document
        })
        .collect();
    let count = |verdict: &str| {
        view.decisions.values().filter(|decision| decision.verdict.as_str() == verdict).count()
    };
    let described = view.results.images.iter().filter(|image| image.problem.is_none()).count();
    json!({
        "run_id": run,
        "project_id": view.run.project_id,
        "status": view.run.status,
        "language": view.results.language,
        "max_length": view.results.max_length,
        "counts": {
            "images": images.len(),
            "described": described,
            "failed": images.len() - described,
            "approved": count("approved"),
            "edited": count("edited"),
            "rejected": count("rejected"),
        },
        "images": images,
    })
}

/// `GET /api/runs/{id}/captions.csv`
pub async fn table(
    service: web::Data<Service>,
    caller: Caller,
    id: web::Path<String>,
    _: NoQuery,
) -> Result<HttpResponse, Problem> {
    let view = service.captions(caller, run_id(&id)?).await?;
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"captions.csv\""))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(csv(&view.results, &view.decisions)))
}

/// `POST /api/runs/{id}/captions`
pub async fn decide(
    service: web::Data<Service>,
    caller: Caller,
    id: web::Path<String>,
    body: JsonBody,
) -> Result<HttpResponse, Problem> {
    let id = run_id(&id)?;
    let wishes = wishes(body.value)?;
    let (mut decided, mut refused) = (Vec::new(), Vec::new());
    for (item, outcome) in service.decide(caller, id, wishes).await? {
        match outcome {
            Ok(decision) => decided.push(json!(decision)),
            Err(error) => {
                let problem = Problem::from(error).document();
                refused.push(json!({ "item": item, "problem": problem }));
            }
        }
    }
    Ok(HttpResponse::Ok().json(json!({ "run_id": id, "decided": decided, "refused": refused })))
}

fn wishes(body: Value) -> Result<Vec<Wish>, Problem> {
    let mut fields = Fields::of(body)?;
    let given = fields.list("decisions");
    let list = fields.required("decisions", given).unwrap_or_default();
    if list.len() > DECISIONS_MAX {
        fields.wrong("decisions", format!("must be at most {DECISIONS_MAX}"));
    }
    fields.finish().map_err(Problem::invalid)?;
    let (mut wishes, mut wrong, mut seen) = (Vec::new(), Vec::new(), BTreeMap::new());
    for (number, value) in list.into_iter().enumerate() {
        let mut fields = match Fields::under(format!("decisions[{number}]."), value) {
            Ok(fields) => fields,
            Err(error) => {
                wrong.push(error);
                continue;
            }
        };
        let item = fields.text("item");
        let item = fields.required("item", item);
        let approve = fields.one_of("verdict", &["approve", "reject"], |text| match text {
            "approve" => Some(true),
            "reject" => Some(false),
            _ => None,
        });
        let approve = fields.required("verdict", approve);
        let text = fields.text("text");
        if let Some(item) = &item
            && seen.insert(item.clone(), number).is_some()
        {
            fields.wrong("item", "is decided on twice");
        }
        match (fields.finish(), item, approve) {
            (Ok(()), Some(item), Some(approve)) => wishes.push(Wish { item, approve, text }),
            (Err(errors), _, _) => wrong.extend(errors),
            (Ok(()), _, _) => {}
        }
    }
    if wrong.is_empty() { Ok(wishes) } else { Err(Problem::invalid(wrong)) }
}

/// `GET /api/runs/{id}/described/{name}`: the image with its text in its metadata.
pub async fn described(
    request: HttpRequest,
    service: web::Data<Service>,
    caller: Caller,
    names: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::of(request.query_string());
    let undecided = query.stated::<bool>("undecided", "true or false").unwrap_or(false);
    query.finish()?;
    let (run, name): (RunId, _) = (run_id(&names.0)?, tail_of(request.uri().path(), "/described/")?);
    let (bytes, media_type) = service.described(caller, run, &name, undecided).await?;
    let shown: String =
        name.chars().map(|c| if c.is_ascii_graphic() && c != '"' && c != '\\' { c } else { '-' }).collect();
    Ok(HttpResponse::Ok()
        .content_type(media_type)
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{shown}\"")))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(bytes))
}
