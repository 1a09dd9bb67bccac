"""What a request costs when an application grows: routes, hooks, nested blueprints."""
