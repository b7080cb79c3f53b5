using Workerd = import "/workerd/workerd.capnp";

# The egress gateway, with loopback allowed in place of public addresses.
const config :Workerd.Config = (
  services = [
    (name = "internet", network = (allow = ["private"], tlsOptions = (trustBrowserCas = true))),
  ],
  sockets = [(name = "http", http = (style = proxy), service = "internet")],
);
