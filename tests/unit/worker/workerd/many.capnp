using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "internet", external = (address = "unix:/slot/egress.sock", http = (style = proxy))),
    (name = "main", worker = .main),
  ],
  sockets = [(name = "http", http = (cfBlobHeader = "x-cf"), service = "main")],
);

const main :Workerd.Worker = (
  modules = [(name = "many.js", esModule = embed "many.js")],
  compatibilityDate = "2023-03-07",
);
