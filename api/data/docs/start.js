// A file of its own, so that the page needs no inline script and may forbid them all.
SwaggerUIBundle({
  url: "/docs/openapi.json",
  dom_id: "#api",
  deepLinking: true,
  showExtensions: true,
  showCommonExtensions: true,
});
