// expect: code=3
// The old service-worker form.
addEventListener("fetch", (e) => e.respondWith(new Response("x")));
