// expect: code=0 http=200 output="x"
// The default export is a WorkerEntrypoint.
import { WorkerEntrypoint } from "cloudflare:workers";
export default class extends WorkerEntrypoint {
    fetch() {
        return new Response("x");
    }
}
