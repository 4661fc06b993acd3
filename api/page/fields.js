// The fields of a connector type, out of the JSON Schema of its configuration.

/**
 * Return the fields of a schema: `{ path, name, kind, isRequired, isSecret, description, example, fallback, options,
 * fields }`. `kind` is `text`, `number`, `boolean`, `choice`, `list`, `object` (with fields of its own) or `json`.
 */
export function fieldsOf(schema) {
  return fieldsIn(schema, schema.$defs ?? {}, []);
}

function fieldsIn(schema, definitions, above) {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const resolved = resolve(property, definitions);
    const path = [...above, name];
    return {
      path,
      name,
      kind: kindOf(resolved),
      isInteger: resolved.type === "integer",
      isRequired: required.has(name),
      isSecret: Boolean(property.writeOnly),
      description: property.description ?? "",
      example: property.examples?.[0],
      fallback: property.default ?? null,
      minimum: resolved.minimum,
      maximum: resolved.maximum,
      pattern: resolved.pattern,
      options: resolved.enum ?? [],
      fields: resolved.properties ? fieldsIn(resolved, definitions, path) : [],
    };
  });
}

/** Follow a reference, and leave out that a field may be null: it is left empty, then. */
function resolve(property, definitions) {
  const one = property.anyOf?.find((choice) => choice.type !== "null") ?? property;
  return one.$ref ? definitions[one.$ref.split("/").at(-1)] : one;
}

function kindOf(schema) {
  if (schema.enum) return "choice";
  if (schema.properties) return "object";
  const kinds = { integer: "number", number: "number", boolean: "boolean", array: "list", string: "text" };
  return kinds[schema.type] ?? "json";
}
