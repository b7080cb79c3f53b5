// expect: code=0 http=500
// A WorkerEntrypoint whose constructor throws.
import { WorkerEntrypoint } from "cloudflare:workers";
export default class extends WorkerEntrypoint {
    constructor(...a) {
        super(...a);
        throw new Error("no");
    }
}
