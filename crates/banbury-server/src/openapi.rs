//! The description of the JSON interface (OpenAPI 3.1), made from the table of routes.

use serde_json::{Map, Value, json};

use crate::routes::{Field, Method, Needs, ROUTES, Route};

pub fn document() -> Value {
    let mut paths = Map::new();
    for route in ROUTES.iter().filter(|route| route.is_api()) {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        let method = if route.method == Method::Get { "get" } else { "post" };
        path[method] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Banbury",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "An evaluation centre for programs. A token is made on the page of one's account and may do what its owner may do.",
        },
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Fault": {
                "type": "object",
                "required": ["error"],
                "properties": {"error": {"type": "string"}},
            }},
        },
    })
}

fn operation(route: &Route) -> Value {
    let mut parameters: Vec<Value> = route
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
        .collect();
    let kind = if route.path.ends_with("checkpoint") { "text/plain" } else { "application/json" };
    let schema = if kind == "text/plain" { json!({"type": "string"}) } else { json!({"type": "object"}) };
    let mut out = json!({
        "summary": route.about,
        "responses": {"200": {"description": "Done", "content": {kind: {"schema": schema}}}},
    });
    for (status, words) in faults(route) {
        out["responses"][status] = json!({
            "description": words,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Fault"}}},
        });
    }
    match route.method {
        Method::Get => parameters.extend(route.fields.iter().map(
            |field| json!({"name": field.name, "in": "query", "description": field.about, "schema": {"type": "string"}}),
        )),
        Method::Post => out["requestBody"] = body(route.fields),
    }
    out["parameters"] = Value::from(parameters);
    if let Needs::Do(act) = route.needs {
        out["description"] = Value::from(format!("Needs a role that the policy lets do `{act}`."));
    }
    out
}

fn faults(route: &Route) -> Vec<(&'static str, &'static str)> {
    let mut out =
        vec![("400", "Not understood"), ("401", "No token"), ("403", "Not permitted by the policy")];
    if route.path.contains('{') {
        out.push(("404", "No such thing, or not for you to see"));
    }
    if route.method == Method::Post {
        out.push(("409", "Refused in this state of the evaluation"));
        out.push(("413", "Too large"));
    }
    out
}

fn body(fields: &[Field]) -> Value {
    let schema = |field: &Field| match field.several {
        true => {
            json!({"type": "array", "items": {"type": "string"}, "minItems": 1, "description": field.about})
        }
        false => json!({"type": "string", "description": field.about}),
    };
    let properties: Map<String, Value> =
        fields.iter().map(|field| (field.name.to_owned(), schema(field))).collect();
    let required: Vec<&str> = fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    json!({
        "required": true,
        "content": {"application/json": {"schema": {
            "type": "object", "required": required, "properties": properties,
        }}},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_of_the_interface_is_described_and_nothing_else() {
        let document = document();
        let described: usize =
            document["paths"].as_object().unwrap().values().map(|path| path.as_object().unwrap().len()).sum();
        assert_eq!(described, ROUTES.iter().filter(|route| route.is_api()).count());
        for route in ROUTES.iter().filter(|route| route.is_api()) {
            let method = if route.method == Method::Get { "get" } else { "post" };
            let operation = &document["paths"][route.path][method];
            let parts = route.path.matches('{').count();
            let in_path =
                operation["parameters"].as_array().unwrap().iter().filter(|one| one["in"] == "path").count();
            assert_eq!(parts, in_path, "{}", route.path);
            assert_eq!(
                operation.get("requestBody").is_some(),
                route.method == Method::Post,
                "{}",
                route.path
            );
        }
    }
}
