# One image, two commands: the API (the default) and the worker, `node --enable-source-maps --max-semi-space-size=64 dist/worker/main.js`.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --include=dev
COPY . .
RUN npm run build && npm prune --omit=dev

FROM node:24-bookworm-slim
# Temporal's native client trusts the certificates of the system, and the slim image has none.
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
WORKDIR /app
# glibc gives back what large bodies took: by itself it keeps more, the larger what was freed before.
ENV MALLOC_ARENA_MAX=2 MALLOC_TRIM_THRESHOLD_=131072
ENV NODE_ENV=production HOST=0.0.0.0 PORT=4400 WORKFLOW_BUNDLE=/app/dist/workflow-bundle.js
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
# What a worker notes here, a restart keeps; everything else may be read-only.
RUN install --directory --owner node --group node /var/lib/experience
USER node
EXPOSE 4400
CMD ["node", "--enable-source-maps", "--disable-warning=ExperimentalWarning", "--max-semi-space-size=32", "dist/api/main.js"]
