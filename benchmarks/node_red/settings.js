// No editor, no admin API, no log but warnings.
module.exports = {
    flowFile: 'flow.json',
    httpAdminRoot: false,
    disableEditor: true,
    uiHost: '127.0.0.1',
    uiPort: Number(process.env.BENCH_PORT),
    credentialSecret: false,
    functionExternalModules: true,
    externalModules: { autoInstall: false, modules: { allowInstall: false } },
    logging: { console: { level: 'warn' } },
};
