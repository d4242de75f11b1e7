# Two stages: the first compiles, the second runs what was compiled and nothing else.
FROM node:26-slim AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc tsconfig.json tsconfig.build.json ./
# The image brings its own Node, so no package's install script is needed.
RUN npm ci --ignore-scripts
COPY chains ./chains
COPY sandbox ./sandbox
COPY proxy ./proxy
COPY cli ./cli
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM node:26-slim
WORKDIR /app
COPY --from=build /src/package.json ./
COPY --from=build /src/node_modules ./node_modules
COPY --from=build /src/dist ./dist
COPY schema ./schema
COPY LICENSE ./
# FSM's sidecar user, whose own traffic its iptables rules leave alone. Nothing is written to the image.
USER 1500:1500
EXPOSE 15000 15001 15003 15010
HEALTHCHECK --interval=10s --timeout=2s --start-period=10s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:15010/ready').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# Signals reach the proxy itself: there is no shell in between.
ENTRYPOINT ["node", "/app/dist/cli/main.js"]
CMD ["run", "-c", "/etc/pillion/sidecar.yaml"]
