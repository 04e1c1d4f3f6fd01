// @ts-check
/**
 * An extension of Voilà's page that gives its widget manager the models every widget has (`@jupyter-widgets/base`).
 *
 * JupyterLab's own extension does the same and brings all controls, the half of a megabyte they take, and a warning for
 * each package that is newer than Voilà's. This is the container of webpack's module federation, written by hand.
 */
(() => {
  const BASE = "@jupyter-widgets/base";
  /** Shared modules by name and version. @type {Record<string, Record<string, {get: () => Promise<() => any>}>>} */
  let shared = {};

  const plugin = {
    id: "workbench:base-widgets",
    autoStart: true,
    /** @param {any} app */
    async activate(app) {
      const [one] = Object.values(shared[BASE] ?? {});
      if (!one) throw new Error(`${BASE} is not among the shared modules`);
      const base = (await one.get())();
      const manager = await app.widgetManagerPromise.promise;
      manager.register({ name: BASE, version: base.JUPYTER_WIDGETS_VERSION, exports: base });
    },
  };

  const own = /** @type {any} */ (window);
  own._JUPYTERLAB ??= {};
  own._JUPYTERLAB.workbench = {
    /** @param {typeof shared} scope */
    init(scope) {
      shared = scope;
    },
    get: async () => () => ({ __esModule: true, default: plugin }),
  };
})();
